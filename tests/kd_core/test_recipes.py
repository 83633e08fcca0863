import pytest

from kd_core.config import DistilSettings, LossTerm, Ramp
from kd_core.errors import ConfigError


def test_settings_that_nobody_uses_leave_the_identity_alone():
    plain = DistilSettings()
    assert set(plain.identity()) == {"mode", "alpha", "losses", "teacher_outputs", "views"}
    assert set(plain.identity()["losses"][0]) == {"name", "weight", "params"}
    as_before = LossTerm(name="kd", params={"T": 2.0}).identity()
    assert LossTerm(name="kd", params={"T": 2.0, "standardise": False}).identity() == as_before
    assert LossTerm(name="kd", params={"T": 2.0, "standardise": True}).identity() != as_before


@pytest.mark.parametrize(
    "change",
    [
        {"warmup": 0.1},
        {"task_weight": 0.75},
        {"params": {"peers": 2}},
        {"ramps": (Ramp(of="alpha", end=1.0),)},
        {"losses": (LossTerm(name="kd", layers=(("layer4", "features.12"),)),)},
    ],
)
def test_settings_that_are_used_are_part_of_the_identity(change):
    plain = DistilSettings()
    assert plain.change(**change).identity() != plain.identity()
    assert DistilSettings.from_json(plain.change(**change).to_json()) == plain.change(**change)


def test_a_ramp_has_one_of_two_shapes():
    with pytest.raises(ConfigError) as caught:
        Ramp(of="alpha", end=1.0, shape="steps")
    assert caught.value.fields["field"] == "shape"
