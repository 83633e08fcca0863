import pytest

from kd_core.compress.check import check_chain, check_step, leaves_file, title
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Subject
from kd_core.config import Chain, CompressStep, DistilSettings, TrainSettings
from kd_core.errors import ConfigError
from tests.helpers_chain import test_methods

TUNE = TrainSettings(epochs=1)
HALVE = CompressStep(method="test_halve")
SAME = CompressStep(method="test_same_file")


@pytest.fixture(autouse=True)
def methods():
    with test_methods():
        yield


def chain(*steps: CompressStep) -> Chain:
    return Chain(name="c", origin="teacher", steps=steps)


@pytest.mark.parametrize(
    ("steps", "has_network", "code", "step"),
    [
        ((SAME, HALVE), True, "chain_network_after_file", 2),
        ((HALVE,), False, "chain_needs_network", 1),
        ((SAME.change(tune=TUNE),), True, "chain_step_cannot_tune", 1),
        ((HALVE, CompressStep(method="finetune")), True, "chain_step_must_tune", 2),
        ((HALVE.change(distil=DistilSettings()),), True, "chain_distil_without_tune", 1),
    ],
)
def test_what_cannot_be_is_told_with_its_step(steps, has_network, code, step):
    with pytest.raises(ConfigError) as caught:
        check_chain(chain(*steps), has_network=has_network)
    assert (caught.value.code, caught.value.fields["step"]) == (code, step)


def test_names_and_values_are_checked_too():
    for step, code in (
        (CompressStep(method="nothing"), "entry_unknown"),
        (HALVE.change(params={"refuse": 3}), "param_type"),
    ):
        with pytest.raises(ConfigError) as caught:
            check_chain(chain(step))
        assert caught.value.code == code


def test_what_can_be_is_left_alone():
    check_chain(chain(HALVE.change(tune=TUNE, distil=DistilSettings()), SAME, SAME))
    check_chain(chain(SAME), has_network=False)


def test_after_another_number_format_only_files_follow():
    trained = CompressorSpec(apply=None, family="quantise", works_on="network")
    assert leaves_file(trained)
    assert leaves_file(COMPRESSORS["test_same_file"])
    assert not leaves_file(COMPRESSORS["test_halve"])


def test_a_refusal_names_the_step_the_method_and_the_reason(tmp_path):
    check_step(1, HALVE, Subject(tmp_path))
    with pytest.raises(ConfigError) as caught:
        check_step(2, HALVE.change(params={"refuse": True}), Subject(tmp_path))
    assert caught.value.fields == {
        "step": 2,
        "method": title("test_halve"),
        "why": {"id": "refuses.no_network", "params": {}},
    }
