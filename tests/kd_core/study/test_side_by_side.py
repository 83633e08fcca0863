import pytest

from kd_core.study.side_by_side import Evidence, advice, differences, loss_by_class

CLASSES = ("healthy", "ring", "schizont")


def test_only_settings_that_differ_and_names_of_runs_do_not_count() -> None:
    a = {"key": "a", "train": {"lr": 1, "losses": [{"name": "kd"}]}, "distil": None}
    b = {"key": "b", "train": {"lr": 1, "losses": [{"name": "dkd"}]}, "distil": {"alpha": 0.5}}
    found = differences({"A": a, "B": b})
    assert found == {
        "train.losses[1].name": {"A": "kd", "B": "dkd"},
        "distil": {"A": None, "B": None},
        "distil.alpha": {"A": None, "B": 0.5},
    } or set(found) == {"train.losses[1].name", "distil.alpha"}
    assert differences({"A": a, "B": a}) == {}


@pytest.mark.parametrize(
    ("more", "text_id"),
    [
        ({"seeds": 1}, "advice.seeds"),
        ({"loss_by_class": {"ring": -0.1, "healthy": 0.02}}, "advice.class"),
        ({"best_epoch": 20, "epochs": 20}, "advice.longer"),
        ({"int8_on_device": True}, "advice.int8"),
        ({"slowest": ("conv1", 0.5)}, "advice.layer"),
    ],
)
def test_each_advice_has_its_reason(more, text_id) -> None:
    assert [msg.id for msg in advice(Evidence("net", **{"seeds": 3, **more}))] == [text_id]


def test_nothing_stands_out() -> None:
    fine = Evidence("net", 3, "int8", True, 10, 20, {"ring": -0.01}, ("conv1", 0.1))
    assert advice(fine) == []


def test_loss_by_class_leaves_out_what_one_lacks() -> None:
    a, b = {"sensitivity:ring": 0.9, "sensitivity:healthy": None}, {"sensitivity:ring": 0.7}
    assert loss_by_class(a, b, CLASSES) == {"ring": pytest.approx(-0.2)}
