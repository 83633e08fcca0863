import pytest

from kd_core.config import LossTerm
from kd_core.errors import ConfigError
from kd_core.losses import objective
from kd_core.losses.conventions import CONVENTIONS, settings, soft_targets, translate
from kd_core.text import Msg
from tests.helpers_readme import TEXTS


@pytest.mark.parametrize("name", CONVENTIONS)
def test_every_convention_makes_legal_settings_and_says_all_of_it(name):
    entry = CONVENTIONS[name]
    translation = translate(name)
    assert objective(translation.distil, "classification").terms
    assert translation.source == entry.source
    for said in (translation.formula, *translation.remarks):
        assert said.id in TEXTS
        text = TEXTS.render(said)
        assert text.count("{") == text.count("}")
        assert ":number" not in text
    assert Msg(f"convention.{name}.formula", entry.defaults()) == translation.formula


def test_alpha_is_used_where_it_says_the_same():
    distil = settings(0.1, [LossTerm(name="kd", weight=0.9)])
    assert (distil.alpha, distil.losses[0].weight, distil.task_weight) == (0.1, None, None)
    distil = settings(1.0, [LossTerm(name="kd", weight=0.9)])
    assert (distil.alpha, distil.losses[0].weight, distil.task_weight) == (1.0, 0.9, None)


@pytest.mark.parametrize(
    ("task", "terms"),
    [
        (0.75, [("hint", 0.25)]),
        (1.0, [("hint", 100.0)]),
        (2.0, [("kd", 1.0)]),
        (0.3, [("kd", 0.7), ("hint", 0.7)]),
        (0.0, [("kd", 1.0), ("crd", 0.8)]),
    ],
)
def test_any_weights_can_be_said_exactly(task, terms):
    distil = settings(task, [LossTerm(name=name, weight=weight) for name, weight in terms])
    made = objective(distil, "classification")
    expected = {"task": task, **dict(terms)}
    assert {name: pytest.approx(weight) for name, weight in made.weights.items()} == expected


def test_terms_of_no_weight_are_left_out():
    distil = settings(1.0, [LossTerm(name="kd", weight=0.0), LossTerm(name="hint", weight=5.0)])
    assert [term.name for term in distil.losses] == ["hint"]


def test_a_missing_square_and_a_mean_over_classes_are_weights():
    term = soft_targets(1.0, {"T": 4.0, "t_squared": False, "reduction": "mean", "classes": 5})
    assert term.weight == pytest.approx(1 / (16 * 5))


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("torchdistil", {}, "entry_unknown"),
        ("torchdistill", {"gamma": 1.0}, "param_unknown"),
        ("torchdistill", {"alpha": 1.5}, "param_range"),
        ("formula", {"alpha_on": "students"}, "param_choice"),
    ],
)
def test_what_is_not_known_is_refused(name, params, code):
    with pytest.raises(ConfigError) as caught:
        translate(name, **params)
    assert caught.value.code == code
