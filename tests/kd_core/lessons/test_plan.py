"""What a teacher sets."""

import pytest

from kd_core.lessons.plan import Plan, moved, plan_of

KNOWN = ("a", "b", "c", "d")


def test_order_and_visibility():
    plan = Plan(order=("c", "gone", "a"), hidden=("d",))
    assert plan.lessons(KNOWN) == ("c", "a", "b")
    assert plan.lessons(KNOWN, everything=True) == ("c", "a", "b", "d")


def test_a_class_always_sees_some_lesson():
    assert Plan(hidden=KNOWN).lessons(KNOWN) == KNOWN


def test_controls_by_lesson():
    plan = Plan(controls=("a.T", "b.T", "a.alpha"))
    assert plan.hidden_controls("a") == ("T", "alpha")
    assert plan.hidden_controls("c") == ()


@pytest.mark.parametrize("stored", [None, {}, {"later": 1}, {"order": 3}])
def test_what_cannot_be_read_is_as_usual(stored):
    assert plan_of(stored) == Plan()


def test_a_plan_comes_back():
    plan = Plan(order=("b",), hidden=("a",), controls=("c.T",), study="s1")
    assert plan_of(plan.to_json()) == plan


@pytest.mark.parametrize(
    ("name", "by", "then"),
    [("a", -1, "abcd"), ("a", 1, "bacd"), ("d", 1, "abcd"), ("c", -1, "acbd")],
)
def test_moved(name, by, then):
    assert "".join(moved(KNOWN, name, by)) == then
