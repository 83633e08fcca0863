import math

from kd_core.evaluate.scores import Score
from kd_core.study.evaluation import score_record
from kd_core.text import Msg


def test_what_is_undefined_is_none_with_its_reason() -> None:
    why = Msg("score.undefined.one_sided", {"classes": ["b"]})
    record = score_record(Score(math.nan, math.nan, math.nan, 5, why, "none"))
    assert (record.value, record.low, record.high) == (None, None, None)
    assert Msg.from_json(record.undefined) == why


def test_a_score_keeps_its_interval_and_how_it_was_drawn() -> None:
    record = score_record(Score(0.9, 0.8, 0.95, 60, None, "bootstrap_patients"))
    assert (record.value, record.low, record.high, record.n) == (0.9, 0.8, 0.95, 60)
    assert record.method == "bootstrap_patients"
    assert record.undefined is None
