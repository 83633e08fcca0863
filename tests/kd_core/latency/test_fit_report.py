from kd_core.latency.evidence import Row
from kd_core.latency.fit_check import Held
from kd_core.latency.fit_report import noise_floor, report, stored, unpacked, worst


def test_the_shipped_predictions_make_a_table():
    only = {key: each for key, each in stored().items() if key.startswith("tensorrt|fp16")}
    figures = report(only)
    group = figures["groups"]["tensorrt|fp16|gpu"]
    assert 0 < group["network"]["median_error"] < 0.3
    assert group["aim"] == 0.06
    assert figures["overall"]["network"]["n"] == group["network"]["n"]
    assert "noise_floor" not in group  # nothing of it was published twice


def test_a_group_says_whether_its_rows_disagree_as_much_as_it_errs():
    key = "ncnn|ncnn_default|cpu"
    group = report({key: stored()[key]})["groups"][key]
    assert group["at_noise_floor"] == (group["network"]["median_error"] <= group["noise_floor"])
    assert group["reached"] and group["at_noise_floor"]  # noqa: PT018


def test_rows_that_disagree_set_the_noise_floor():
    rows = [
        Row("d", "ncnn", 1, "int8", "cpu", f"n{i}@1", 1, ms, "s")
        for i in range(10)
        for ms in (9.0, 11.0)
    ]
    assert round(noise_floor(rows)["ncnn|int8|cpu"], 3) == 0.1


def test_the_worst_network_stands_first():
    held = [Held(f"c{i}", "good@1", 10, 10.5) for i in range(3)]
    held += [Held(f"c{i}", "bad@1", 10, 20) for i in range(3)]
    assert [each["network"] for each in worst(held)] == ["bad", "good"]
    assert worst(held)[0]["bias"] > 0.9
    assert unpacked({"c": [["n@1", 1.0, 2.0]]}) == [Held("c", "n@1", 1.0, 2.0)]
