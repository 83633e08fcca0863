import random

from kd_core.study.order import expected_starts, fair_order
from kd_core.study.rows import QueuedRun


def test_thirty_people_are_served_in_turn():
    runs = [QueuedRun(f"p{p}-{i}", f"p{p}", p * 10 + i) for p in range(30) for i in range(5)]
    random.Random(0).shuffle(runs)
    order = fair_order(runs)
    assert order[:30] == [f"p{p}-0" for p in range(30)]
    assert order[30:60] == [f"p{p}-1" for p in range(30)]
    assert sorted(order) == sorted(run.id for run in runs)


def test_who_has_none_running_and_waited_longest_comes_first():
    runs = [QueuedRun(owner, owner, i) for i, owner in enumerate(["busy", "late", "early", "new"])]
    served = {"busy": (1, 5.0), "late": (0, 9.0), "early": (0, 3.0)}
    assert fair_order(runs, served) == ["new", "early", "late", "busy"]


def test_needs_come_first_and_what_cannot_start_is_left_out():
    runs = [
        QueuedRun("student", "ana", 0, frozenset({"teacher"})),
        QueuedRun("teacher", "ana", 1),
        QueuedRun("orphan", "ana", 2, frozenset({"paused-teacher"})),
        QueuedRun("next", "ana", 3, frozenset({"running-teacher"})),
    ]
    assert fair_order(runs, running={"running-teacher"}) == ["teacher", "student", "next"]


def test_starts_follow_from_what_runs_and_what_is_before():
    runs = {
        "a": QueuedRun("a", "ana", 0, expected_s=10),
        "b": QueuedRun("b", "ben", 1, frozenset({"a"}), expected_s=10),
        "c": QueuedRun("c", "cem", 2),
        "d": QueuedRun("d", "dan", 3),
    }
    one = expected_starts(["a", "b", "c", "d"], runs, {"x": 5.0}, slots=1)
    assert one == {"a": 5.0, "b": 15.0, "c": 25.0, "d": None}
    two = expected_starts(["a", "b", "c"], runs, {"x": 5.0}, slots=2)
    assert two == {"a": 0.0, "b": 10.0, "c": 10.0}
    assert expected_starts(["a"], runs, {"x": None}, slots=1) == {"a": None}
    assert fair_order([]) == []
