import pytest

from kd_core.errors import ConfigError
from kd_core.losses import LOSSES
from kd_core.losses.conventions import CONVENTIONS
from kd_core.registry import Entry, Param, Registry
from kd_core.train.modes import MODES

ALPHA = Param("alpha", "float", 0.5, low=0, high=1)
STEPS = Param("steps", "int", 10, low=1)
METHOD = Param("method", "choice", "l1", choices=("l1", "l2"))
FLAG = Param("flag", "bool", False)


def fields(code, call, *args):
    with pytest.raises(ConfigError) as caught:
        call(*args)
    assert caught.value.code == code
    return caught.value.fields


@pytest.mark.parametrize(
    ("param", "value", "expected"),
    [(ALPHA, 1, 1.0), (ALPHA, 0, 0.0), (STEPS, 3.0, 3), (METHOD, "l2", "l2"), (FLAG, True, True)],
)
def test_a_legal_value_comes_back_in_its_own_type(param, value, expected):
    got = param.check(value)
    assert got == expected
    assert type(got) is type(expected)


@pytest.mark.parametrize(
    ("param", "value", "code"),
    [
        (ALPHA, 1.01, "param_range"),
        (ALPHA, -1e-9, "param_range"),
        (ALPHA, float("nan"), "param_type"),
        (ALPHA, float("inf"), "param_type"),
        (ALPHA, "0.5", "param_type"),
        (ALPHA, True, "param_type"),
        (ALPHA, None, "param_type"),
        (STEPS, 1.5, "param_type"),
        (STEPS, 0, "param_range"),
        (METHOD, "l3", "param_choice"),
        (FLAG, 1, "param_type"),
    ],
)
def test_an_illegal_value_is_named(param, value, code):
    assert fields(code, param.check, value)["name"] == param.name


@pytest.mark.parametrize(
    ("low", "high", "must"), [(0, None, "at_least"), (None, 0, "at_most"), (0, 0, "between")]
)
def test_the_range_says_only_the_limits_that_there_are(low, high, must):
    value = -1 if low is not None else 1
    got = fields("param_range", Param("p", "float", 0.0, low=low, high=high).check, value)
    assert got["must"]["id"] == f"must.{must}"


def test_an_entry_fills_in_its_defaults():
    entry = Entry(params=(ALPHA, STEPS))
    assert entry.defaults() == {"alpha": 0.5, "steps": 10}
    assert entry.check({"steps": 3}) == {"alpha": 0.5, "steps": 3}
    assert fields("param_unknown", entry.check, {"T": 4})["known"] == ["alpha", "steps"]


def test_registry_keeps_order_and_takes_a_name_once():
    registry = Registry("loss")
    first = registry.add("kd", Entry(source="Hinton et al. 2015"))
    registry.add("dkd", Entry())
    assert registry.names() == tuple(registry) == ("kd", "dkd")
    assert registry.items()[0] == ("kd", first)
    assert "kd" in registry
    assert len(registry) == 2
    assert fields("entry_exists", registry.add, "kd", Entry()) == {"kind": "loss", "name": "kd"}


def test_an_unknown_name_is_answered_with_the_nearest():
    registry = Registry("model")
    for name in ("resnet18", "resnet50", "mobilenet_v3_small"):
        registry.add(name, Entry())
    got = fields("entry_unknown", registry.__getitem__, "resnet81")
    assert got["near"] == ["resnet18", "resnet50"]
    got = fields("entry_unknown", registry.__getitem__, "zzz")
    assert got["near"] == ["resnet18", "resnet50", "mobilenet_v3_small"]


def test_text_ids_follow_from_names():
    assert Registry("loss").text_id("kd", "title") == "loss.kd.title"


@pytest.mark.parametrize("registry", [CONVENTIONS, LOSSES, MODES], ids=lambda one: one.kind)
def test_what_a_setting_depends_on_is_a_setting_with_such_values(registry):
    for name, entry in registry.items():
        params = {param.name: param for param in entry.params}
        for param in entry.params:
            if param.when is not None:
                of, values = param.when
                assert set(values) < set(params[of].choices), (name, param.name)
