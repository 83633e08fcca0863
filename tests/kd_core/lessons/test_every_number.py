"""Every number of a lesson's sentences, computed by the test: none may be said that is not here.

What lessons were made from beforehand is in ``test_every_number_made.py``.
"""

import json
import math

import numpy as np
import pytest
import torch
from scipy.special import rel_entr, softmax
from scipy.stats import entropy, t
from sklearn.metrics import balanced_accuracy_score, log_loss

from kd_core.lessons import LESSONS
from tests.helpers_lessons import all_texts, assert_every_number, sample_material

BOTH = ("teacher", "student")


def logits(role):
    return sample_material().voice(role).logits


# --- why small ----------------------------------------------------------------------------------


def measured(role):
    """The record's own line: one image at a time."""
    folder = sample_material().voice(role).result.folder
    lines = (folder / "measurements.jsonl").read_text(encoding="utf-8").splitlines()
    return next(one for one in map(json.loads, lines) if one["batch"] == 1)


def test_why_small():
    material, row = sample_material(), 275
    files = [material.voice(role).result.file for role in BOTH]
    sizes = [file.stat().st_size for file in files]
    ms = [measured(role)["latency_ms_p50"] for role in BOTH]
    right = [balanced_accuracy_score(material.targets, logits(role).argmax(1)) for role in BOTH]
    scores = [material.voice(role).result.scores["balanced_accuracy"] for role in BOTH]
    sure = [softmax(logits(role)[row]).max() for role in BOTH]
    assert_every_number(
        "small",
        all_texts("small", image=str(row), images=2500),
        {
            "fact.size.teacher": sizes[0],
            "fact.size.student": sizes[1],
            "fact.size.times": sizes[0] / sizes[1],
            "fact.time.n": 2500,
            "fact.time.teacher": 2.5 * ms[0],
            "fact.time.student": 2.5 * ms[1],
            "fact.time.times": ms[0] / ms[1],
            "score.value": right,
            "score.low": [score.low for score in scores],  # by hand below
            "score.high": [score.high for score in scores],
            "costs.words.n": 2500,
            "costs.one.size": sizes,
            "costs.one.seconds": [2.5 * one for one in ms],
            "costs.one.score": right,
            "answers.words.p_teacher": sure[0],
            "answers.words.p_student": sure[1],
            "note.score_patients.n": 600,
            "note.time.repeats": measured("teacher")["repeats"],
            "note.time.threads": measured("teacher")["threads"],
            "note.time.size": 40,
            "ask.times.teacher": sizes[0],
            "ask.times.student": sizes[1],
            "ask.times.why.times": sizes[0] / sizes[1],
            "ask.seconds.ms": ms[0],
            "ask.seconds.n": 2000,
            "ask.seconds.why.n": 2000,
            "ask.seconds.why.ms": ms[0],
            "ask.seconds.why.seconds": 2 * ms[0],
            "ask.seconds.why.student_ms": ms[1],
            "ask.seconds.why.student_seconds": 2 * ms[1],
        },
    )
    bars = {side.name: side for side in LESSONS["small"].show(
        material, {"image": str(row), "images": 2500}
    ).pictures[0].info.sides}  # fmt: skip
    for place, role in enumerate(BOTH):
        assert getattr(bars["size"], role) == sizes[place]
        assert getattr(bars["time"], role) == pytest.approx(2.5 * ms[place])
        assert getattr(bars["work"], role) == material.voice(role).result.model.macs / 1e6


@pytest.mark.parametrize("role", BOTH)
def test_the_interval_is_as_wide_as_draws_of_patients_ask_for(role):
    material = sample_material()
    guessed, patients = logits(role).argmax(1), np.array(material.patients)
    names, k = np.unique(patients), len(material.classes)
    hits, seen = (
        np.array(
            [[(which & (patients == name) & (material.targets == c)).sum() for c in range(k)]
             for name in names]
        )
        for which in (guessed == material.targets, np.ones(len(guessed), bool))
    )  # fmt: skip
    counts = np.random.default_rng(5).multinomial(len(names), np.full(len(names), 0.1), 4000)
    with np.errstate(invalid="ignore"):
        drawn = np.nanmean((counts @ hits) / (counts @ seen), axis=1)
    reach = t.ppf(0.975, len(names) - 1) * drawn.std() * math.sqrt(len(names) / (len(names) - 1))
    score = material.voice(role).result.scores["balanced_accuracy"]
    assert (score.high - score.low) / 2 == pytest.approx(reach, rel=0.15)


# --- temperature --------------------------------------------------------------------------------


def test_temperature():
    material, row, hot = sample_material(), 468, 3.0
    teacher, student = logits("teacher"), logits("student")
    plain, p = softmax(teacher[row]), softmax(teacher[row] / hot)
    order = np.argsort(-teacher[row])
    soft = softmax(teacher / hot, axis=1)
    means = [soft[material.targets == k].mean(0) for k in range(5)]
    nearest = [max(v for j, v in enumerate(mean) if j != k) for k, mean in enumerate(means)]
    of_right = [
        [softmax(z / hot)[k] for z, k in zip(said, material.targets, strict=True)]
        for said in (teacher, student)
    ]
    powers = np.exp(teacher[row] / hot)
    most = math.log(5)
    assert_every_number(
        "temperature",
        all_texts("temperature", image=str(row), T=hot),
        {
            "fact.image.T": hot,
            "fact.image.p_first": np.sort(p)[-1],
            "fact.image.p_second": np.sort(p)[-2],
            "fact.image.plain_first": np.sort(plain)[-1],
            "fact.image.plain_second": np.sort(plain)[-2],
            "fact.entropy.nats": entropy(p),
            "fact.entropy.share": entropy(p) / most,
            "fact.entropy.k": 5,
            "fact.entropy.most": most,
            "fact.entropy.before": entropy(plain),
            "fact.entropy.share_before": entropy(plain) / most,
            "fact.near.share": nearest[material.targets[row]],
            "fact.near.T": hot,
            "fact.near.even": 0.2,
            "step.class.z": teacher[row][order],
            "step.class.T": hot,
            "step.class.scaled": teacher[row][order] / hot,
            "step.class.power": powers[order],
            "step.class.whole": powers.sum(),
            "step.class.p": p[order],
            "step.entropy.nats": entropy(p),
            "step.entropy.most": most,
            "note.n": 600,
            "lesson.class_share.share": [*p, *softmax(student[row] / hot)],
            "similar.pair.share": nearest,
            "sure.words.T": hot,
            "sure.words.teacher": np.median(of_right[0]),
            "sure.words.student": np.median(of_right[1]),
            "ask.hotter.why.cold": softmax(teacher, axis=1).max(1).mean(),
            "ask.hotter.why.warm": softmax(teacher / 4, axis=1).max(1).mean(),
            "ask.most.k": 5,
            "ask.most.why.k": 5,
            "ask.most.why.most": most,
        },
    )


# --- the loss -----------------------------------------------------------------------------------


def pulls(hot):
    """Mean length of each image's gradient, by autograd: with T², without, and of the labels."""
    teacher, targets = torch.tensor(logits("teacher")), torch.tensor(sample_material().targets)
    z = torch.tensor(logits("student"), requires_grad=True)
    p = (teacher / hot).softmax(1)
    kl = (p * (p.log() - (z / hot).log_softmax(1))).sum()
    (of_kl,) = torch.autograd.grad(kl, z)
    (of_ce,) = torch.autograd.grad(
        torch.nn.functional.cross_entropy(z, targets, reduction="sum"), z
    )
    without, labels = (float(one.norm(dim=1).mean()) for one in (of_kl, of_ce))
    return hot**2 * without, without, labels


def test_the_loss():
    material, row, alpha, hot = sample_material(), 275, 0.25, 3.0
    expected = {"fact.between.alpha": alpha, "fact.between.rest": 1 - alpha}
    for name, rows in (("image", [row]), ("mean", range(600))):
        teacher, student = (logits(role)[list(rows)] for role in BOTH)
        ce = log_loss(material.targets[list(rows)], softmax(student, axis=1), labels=range(5))
        kl = rel_entr(softmax(teacher / hot, axis=1), softmax(student / hot, axis=1)).sum(1).mean()
        label, taught = alpha * ce, (1 - alpha) * hot**2 * kl
        expected |= {
            f"fact.{name}.alpha": alpha,
            f"fact.{name}.rest": 1 - alpha,
            f"fact.{name}.T": hot,
            f"fact.{name}.ce": ce,
            f"fact.{name}.kl": kl,
            f"fact.{name}.label": label,
            f"fact.{name}.teacher": taught,
            f"fact.{name}.total": label + taught,
            f"fact.{name}.share": taught / (label + taught),
            f"terms.words.{name}_task": ce,
            f"terms.words.{name}_kd": hot**2 * kl,
            f"terms.words.{name}_total": label + taught,
        }
    with_square, without, labels = pulls(hot)
    p, q = (softmax(logits(role)[row] / hot) for role in BOTH)
    for text in ("fact.pull", "pull.words"):
        expected |= {
            f"{text}.T": hot,
            f"{text}.with": with_square,
            f"{text}.without": without,
            f"{text}.at_one": pulls(1.0)[0],
            f"{text}.labels": labels,
        }
    for text in ("fact.direction", "direction.words"):
        expected |= {f"{text}.forward": entropy(p, q), f"{text}.reverse": entropy(q, p)}
    cold, hottest = pulls(1.0), pulls(8.0)
    times = cold[1] / hottest[1]
    expected |= {
        "fact.pull.square": hot**2,
        "ask.square.why.cold": cold[1],
        "ask.square.why.hot": hottest[1],
        "ask.square.why.kept": hottest[0],
        "ask.square.why.times": float(f"{times:.2g}"),
    }
    texts = all_texts("loss", image=str(row), alpha=alpha, T=hot)
    assert_every_number("loss", texts, expected, ("step.",))  # test_loss_worked
    shown = LESSONS["loss"].show(material, {"image": str(row), "alpha": alpha, "T": hot})
    curve = shown.pictures[1].info
    for place in (0, 3, 10):
        by_hand = pulls(curve.temperatures[place])
        drawn = curve.with_square[place], curve.without[place], curve.labels
        assert drawn == pytest.approx(by_hand, rel=1e-4)
