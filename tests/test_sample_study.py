"""The embedded study's records say what every page computes from its predictions."""

import json

import pytest

from kd_core.study.records import RECORD
from sample_data.build_study import TARGET, rescored

RUNS = sorted(TARGET.glob(f"*/{RECORD}"))


@pytest.mark.parametrize("file", RUNS[:2], ids=lambda file: file.parent.name)
def test_scores_have_the_intervals_of_today(file) -> None:
    record = json.loads(file.read_text(encoding="utf-8"))
    (stored,) = (model["scores"] for model in record["models"])
    (made,) = (model["scores"] for model in rescored(record, file.parent)["models"])
    assert made.keys() == stored.keys()
    for name, one in made.items():
        for end in ("value", "low", "high"):
            assert one[end] == pytest.approx(stored[name][end], abs=1e-6), (name, end)


def test_all_runs_are_there() -> None:
    assert len(RUNS) == 7
