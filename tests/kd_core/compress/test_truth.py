"""The truth check on models that are known: nothing is trained here."""

import numpy as np
import pytest

from kd_core.compress.ran import LayerRun
from kd_core.compress.truth import Side, check, class_harm, ratios
from kd_core.evaluate.predictions import Predictions


def answers(wrong: range = range(0), n: int = 300, sure: float = 4.0) -> Predictions:
    """Three classes; the images in ``wrong`` are taken for the next class."""
    truth = np.arange(n) % 3
    said = truth.copy()
    said[list(wrong)] = (said[list(wrong)] + 1) % 3
    logits = sure * np.eye(3, dtype=np.float32)[said]
    return Predictions(tuple(map(str, range(n))), truth, logits, "val", 0, ("a", "b", "c"))


def side(**changes) -> Side:
    usual = {
        "size_bytes": 4000, "gzip_bytes": 3600, "precision": "fp32", "params": 1000,
        "nonzero": 1000, "macs": 100, "latency_ms": 2.0, "predictions": answers(),
    }  # fmt: skip
    return Side(**{**usual, **changes})


def told(family: str, after: Side, before: Side | None = None, **more) -> dict[str, str]:
    found = check(family, side(), before or side(), after, metric="accuracy", **more)
    return {msg.id: level for level, msg in found.findings}


def test_zeros_that_stay_zeros_are_called_masks():
    found = told("sparsify", side(nonzero=500, gzip_bytes=2000))
    assert found["truth.masks"] == "warning"
    assert found["truth.size_unchanged"] == "warning"
    assert found["truth.same_speed"] == "note"


def test_a_network_with_fewer_channels_is_smaller_and_faster():
    after = side(size_bytes=1000, params=250, nonzero=250, macs=25, latency_ms=1.0)
    found = told("prune", after)
    assert found["truth.size"] == found["truth.faster"] == "good"
    assert "truth.masks" not in found


def test_a_step_is_judged_by_the_file_before_it_and_the_whole_by_the_origin():
    small = side(size_bytes=1000, params=250, nonzero=250)
    assert told("quantise", small, small)["truth.size_unchanged"] == "warning"
    numbers = check("quantise", side(), small, small, metric="accuracy").numbers
    assert numbers["size_ratio"] == 4


def test_layers_that_fell_back_to_float_are_named():
    layers = (LayerRun("conv1", "QLinearConv"), LayerRun("head", "Gemm"))
    after = side(precision="int8", size_bytes=1000)
    found = check("quantise", side(), side(), after, metric="accuracy", layers=layers)
    (msg,) = [msg for _, msg in found.findings if msg.id == "truth.fell_back"]
    assert msg.params == {"n": 1, "all": 2, "names": ["head"]}
    whole = told("quantise", after, layers=layers[:1], features=("avx2", "avx512_vnni"))
    assert whole["truth.all_integer"] == "good"
    assert "truth.int8_instructions" in whole
    assert "truth.no_int8_instructions" in told("quantise", after, features=("avx2",))


def test_sixteen_bits_are_computed_in_thirty_two_here():
    layers = (LayerRun("conv1", "Conv"),)
    assert "truth.fp16" in told("quantise", side(precision="fp16"), layers=layers)


def test_slower_than_before_is_said_unless_the_machine_was_restless():
    slow = side(size_bytes=1000, latency_ms=3.0)
    assert told("quantise", slow)["truth.slower"] == "warning"
    assert told("quantise", slow, unrest=0.6)["truth.same_speed"] == "note"


def test_worse_beyond_the_noise_is_a_warning_and_flips_are_counted():
    after = side(predictions=answers(range(0, 60)))
    found = check("prune", side(), side(), after, metric="accuracy")
    levels = {msg.id: level for level, msg in found.findings}
    assert levels["truth.accuracy"] == "warning"
    assert (found.numbers["changed"], found.numbers["lost"], found.numbers["gained"]) == (60, 60, 0)


def test_a_class_that_lost_beyond_chance_is_named_and_others_are_not():
    only_a = answers(range(0, 90, 3))  # 30 images, all of class a
    classes, found = class_harm(answers(), only_a)
    assert classes["a"] == (1.0, 0.7)
    assert classes["b"] == (1.0, 1.0)
    ((level, msg),) = found
    assert (level, msg.id, msg.params["name"]) == ("warning", "truth.class_lost", "a")
    _, few = class_harm(answers(), answers(range(0, 9, 3)))
    assert [(level, msg.id) for level, msg in few] == [("note", "truth.class_most")]


def test_a_class_without_images_has_no_sensitivity():
    one = answers()
    some = Predictions(one.ids, one.targets % 2, one.logits, "val", 0, ("a", "b", "c"))
    assert class_harm(some, some)[0]["c"] == (None, None)


def test_calibration_that_grew_is_a_warning():
    wrong = range(0, 30)
    before = side(predictions=answers(wrong, sure=3.0))
    after = side(predictions=answers(wrong, sure=40.0))
    found = check("prune", before, before, after, metric="accuracy")
    levels = {msg.id: level for level, msg in found.findings}
    assert levels["truth.calibration"] == "warning"
    assert found.numbers["ece_after"] > found.numbers["ece_before"]


def test_factors_multiply_to_the_whole():
    found = ratios(side(), side(size_bytes=500, params=500, precision="int8"))
    assert found["size_ratio"] == pytest.approx(8)
    assert found["architecture_factor"] * found["precision_factor"] == pytest.approx(8)
    foreign = ratios(side(params=None), side(params=None))
    assert foreign["architecture_factor"] is None
    assert foreign["size_ratio"] == 1


def test_a_model_without_predictions_is_judged_by_its_file():
    found = check("graph", side(predictions=None), side(), side(), metric="accuracy")
    assert {msg.id for _, msg in found.findings} == {"truth.size", "truth.same_speed"}
