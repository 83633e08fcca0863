import dataclasses
import json
import math

from kd_core.evaluate.robustness import (
    Estimate,
    Level,
    MeanCorruption,
    Robustness,
    RobustnessCurve,
)
from kd_core.study.robustness import _plain
from kd_core.study.robustness_look import FOLDER, SUMMARY, read_look


def found(**more) -> Robustness:
    curve = RobustnessCurve("kd", "blur", (Level(0, 0.9, 0.8, 1.0), Level(1, 0.7, 0.6, math.nan)))
    one = Estimate(0.7, 0.6, 0.8)
    return Robustness(
        "macro_auc", "kd", (curve,), (MeanCorruption("kd", one, one, one, one),), 9, 4, **more
    )


def write(folder, one: dict) -> None:
    (folder / FOLDER).mkdir(exist_ok=True)
    kept = {"part": "val", "corruptions": ["blur"], "all": 20, "metrics": {"macro_auc": one}}
    (folder / FOLDER / SUMMARY).write_text(json.dumps(kept))


def test_what_was_written_is_read(tmp_path) -> None:
    assert read_look(tmp_path) is None
    wanted = found(left_out=("rare",))
    write(tmp_path, _plain(dataclasses.asdict(wanted)))
    look = read_look(tmp_path)
    assert (look.part, look.corruptions, look.all) == ("val", ("blur",), 20)
    read = look.metrics["macro_auc"]
    assert math.isnan(read.curves[0].levels[1].high)
    assert dataclasses.replace(read, curves=()) == dataclasses.replace(wanted, curves=())


def test_a_look_from_before_labels_were_left_out_is_read(tmp_path) -> None:
    old = _plain(dataclasses.asdict(found()))
    del old["left_out"]
    write(tmp_path, old)
    assert read_look(tmp_path).metrics["macro_auc"].left_out == ()
