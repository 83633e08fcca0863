import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax
from scipy.stats import entropy
from sklearn.metrics import log_loss

from kd_core.lessons import LESSONS
from kd_core.lessons.loss import contributions, label_pull, logits_of, parts_of, pull, show
from kd_core.losses.response import softmax_kl
from tests.helpers_lessons import sample_material

ROW = 275
VALUES = {"image": str(ROW), "alpha": 0.3, "T": 4.0}


def by_scipy(rows, temperature):
    """CE and KL of some validation images in double precision."""
    material = sample_material()
    teacher, student = (material.voice(role).logits[rows] for role in ("teacher", "student"))
    labels = list(range(len(material.classes)))
    ce = log_loss(material.targets[rows], softmax(student, axis=1), labels=labels)
    p, q = (softmax(z / temperature, axis=1) for z in (teacher, student))
    return ce, rel_entr(p, q).sum(1).mean()


@pytest.mark.parametrize(("alpha", "temperature"), [(0.3, 4.0), (0.0, 1.0), (1.0, 20.0)])
def test_every_term_for_an_image_and_for_all_by_scikit_learn_and_scipy(alpha, temperature):
    shown = show(sample_material(), {"image": str(ROW), "alpha": alpha, "T": temperature})
    for fact, rows in zip(shown.facts[:2], ([ROW], slice(None)), strict=True):
        ce, kl = by_scipy(rows, temperature)
        total = alpha * ce + (1 - alpha) * temperature**2 * kl
        assert fact.params["ce"] == pytest.approx(ce, rel=1e-3)
        assert fact.params["kl"] == pytest.approx(kl, rel=1e-3)
        assert fact.params["total"] == pytest.approx(total, rel=1e-3)
        share = (1 - alpha) * temperature**2 * kl / total
        assert fact.params["share"] == pytest.approx(share, rel=1e-4)


def test_bars_are_the_terms_and_the_axis_holds_any_alpha():
    material = sample_material()
    ce, kl = by_scipy([ROW], 4.0)
    bars = show(material, VALUES).pictures[0].info
    np.testing.assert_allclose(bars.image, (0.3 * ce, 0.7 * 16 * kl), rtol=1e-5)
    for alpha in (0.0, 0.5, 1.0):
        moved = show(material, {**VALUES, "alpha": alpha}).pictures[0].info
        assert moved.most == pytest.approx(bars.most)
        assert sum(moved.image) <= bars.most * 1.000001
        assert sum(moved.mean) <= bars.most


def test_parts_are_those_of_training():
    material = sample_material()
    student, teacher = (logits_of(material, role) for role in ("student", "teacher"))
    parts = parts_of(student, teacher, torch.from_numpy(material.targets), 0.25, 3.0)
    ce, kl = by_scipy(slice(None), 3.0)
    assert parts["task"] == pytest.approx(ce, rel=1e-5)
    assert parts["kd"] == pytest.approx(9 * kl)
    assert parts["total"] == pytest.approx(0.25 * ce + 0.75 * 9 * kl, rel=1e-5)


@pytest.mark.parametrize("temperature", [0.5, 4.0, 20.0])
def test_pulls_are_the_lengths_of_the_gradients(temperature):
    material = sample_material()
    student, teacher = (logits_of(material, role)[:40] for role in ("student", "teacher"))
    student.requires_grad_()
    loss = softmax_kl(student, teacher, temperature) * len(student)  # a sum over images
    (gradient,) = torch.autograd.grad(loss, student)
    length = float(gradient.norm(dim=1).mean())
    student = student.detach()
    assert pull(student, teacher, temperature)[0] == pytest.approx(length)
    assert pull(student, teacher, temperature)[1] == pytest.approx(length / temperature**2)
    targets = torch.from_numpy(material.targets[:40])
    student.requires_grad_()
    ce = torch.nn.functional.cross_entropy(student, targets, reduction="sum")
    (gradient,) = torch.autograd.grad(ce, student)
    assert label_pull(student.detach(), targets) == pytest.approx(
        float(gradient.norm(dim=1).mean())
    )


def test_without_the_square_the_pull_fades():
    info = show(sample_material(), VALUES).pictures[1].info
    assert info.without[-1] < info.without[2] / 20
    hot = dict(zip(info.temperatures, info.with_square, strict=True))
    assert hot[20.0] == pytest.approx(hot[8.0], rel=0.1)  # it settles
    assert info.temperatures[2] == 1.0
    assert info.with_square[2] == info.without[2]


def test_both_directions_by_scipy():
    material = sample_material()
    shown = show(material, VALUES)
    p, q = (softmax(material.voice(role).logits[ROW] / 4) for role in ("teacher", "student"))
    info, fact = shown.pictures[2].info, shown.facts[4].params
    np.testing.assert_allclose(info.sums, (entropy(p, q), entropy(q, p)))
    np.testing.assert_allclose(sum(info.forward), entropy(p, q))
    np.testing.assert_allclose(contributions(p, q), rel_entr(p, q), atol=1e-15)
    assert fact["forward"] == pytest.approx(entropy(p, q), rel=1e-3)
    assert fact["missed"] == material.classes[int(rel_entr(p, q).argmax())]
    assert fact["made_up"] == material.classes[int(rel_entr(q, p).argmax())]


def test_the_ends_of_alpha_have_words_of_their_own():
    material = sample_material()
    said = [show(material, {**VALUES, "alpha": a}).facts[2].id for a in (0.0, 0.5, 1.0)]
    assert [text.rpartition(".")[2] for text in said] == ["only_teacher", "between", "only_labels"]
    alone = show(material, {**VALUES, "alpha": 1.0}).facts[1].params
    assert (alone["teacher"], alone["share"]) == (0, 0)


def test_answers():
    material = sample_material()
    by_name = {question.name: question for question in LESSONS["loss"].questions}
    assert by_name["by_hand"].is_right(0.5 * 0.6 + 0.5 * 2**2 * 0.1, material)
    assert by_name["bits"].is_right(0.14, material)
    assert by_name["bits"].is_right(0.1398, material)
    assert not by_name["bits"].is_right(0.0969, material)
    told = by_name["square"].numbers(material)
    assert told["times"] > 10
    assert told["cold"] / told["hot"] == pytest.approx(told["times"], rel=0.06)
