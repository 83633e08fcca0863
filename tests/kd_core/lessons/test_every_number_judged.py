"""As ``test_every_number.py``, of the lessons on trade-offs, on mistakes, and of the history."""

import json
import math

import numpy as np
import pytest

from kd_core.lessons.papers import PAPERS
from kd_core.lessons.tradeoff_draws import pair_of
from tests.helpers_lessons import (
    all_texts,
    assert_every_number,
    sample_material,
    shipped,
    shown_of,
)


def plain():
    return json.loads((shipped("wrong") / "wrong.json").read_text(encoding="utf-8"))


def test_tradeoff():
    material, number = sample_material(), 7
    pair = pair_of(material, "near")
    hits = [voice.logits.argmax(1) == material.targets for voice in pair]
    patients = np.array(material.patients)
    names, of = np.unique(patients, return_inverse=True)
    counts = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 0.1), 200)
    drawn = [np.array([np.average(hit, weights=row[of]) for row in counts]) for hit in hits]
    a, b = (hit.mean() for hit in hits)
    flips, ties = int((drawn[0] < drawn[1]).sum()), int((drawn[0] == drawn[1]).sum())
    limit = material.voice("teacher").result.latency().latency_ms_p50 / 2
    text = next(
        one.id.rpartition(".")[2]
        for one in shown_of("tradeoff", pair="near", draw=number).facts
        if one.id.startswith("lesson.tradeoff.draws")
    )
    order = (
        "level"
        if drawn[0][6] == drawn[1][6]
        else "flipped"
        if drawn[0][6] < drawn[1][6]
        else "same"
    )
    assert text == order
    assert_every_number(
        "tradeoff",
        all_texts("tradeoff", device="this_machine", budget=50, pair="near", draw=number),
        {
            "budget.words.limit": limit,
            "budget.words.n": 2,
            "fact.remain.limit": limit,
            "fact.remain.percent": 0.5,
            "fact.remain.kept": 2,
            "fact.remain.n": 3,
            f"draws.{text}.number": number,
            f"draws.{text}.now_a": drawn[0][6],
            f"draws.{text}.now_b": drawn[1][6],
            f"draws.{text}.a": a,
            f"draws.{text}.b": b,
            f"draws.{text}.flips": int((drawn[0] < drawn[1])[:number].sum()),
            "gaps.words.gap": a - b,
            "gaps.words.flips": flips,
            "gaps.words.repeats": 200,
            "gaps.words.share": flips / 200,
            "gaps.words.ties": ties,
            "note.patients.images": 600,
            "note.patients.n": 10,
            "ask.images.n": 600,
            "ask.images.why.n": 600,
            "ask.images.why.images": 1.8,
            "ask.nothing.gap": a - b,
            "ask.nothing.flips": flips,
            "ask.nothing.repeats": 200,
            "ask.nothing.why.gap": a - b,
            "ask.nothing.why.flips": flips,
            "ask.nothing.why.repeats": 200,
            "ask.rule.margin": 0.01,
            "ask.rule.why.margin": 0.01,
        },
        ("verdict", "recommend"),  # test_verdict, test_recommend
    )
    gaps = shown_of("tradeoff", pair="near", draw=number).pictures[-1].info
    points = 100 * (drawn[0] - drawn[1])
    edges = np.array(gaps.edges)
    assert sum(gaps.counts) == 200
    below = [int((points < edge).sum()) for edge in edges]
    assert np.cumsum(gaps.counts)[:-1] == pytest.approx(below[1:-1], abs=ties)


def test_wrong():
    material = sample_material()
    facts = plain()["findings"]
    with np.load(shipped("wrong") / "wrong.npz") as file:
        stored = dict(file)
    right, teacher = stored["targets"], stored["teacher"]
    errors = teacher != right
    marked = (stored["shortcut_same"] == right).mean(1), (stored["shortcut_clean"] == right).mean(1)
    looked = (stored["leak"] == right).mean(1)
    repeated = (stored["inherit"][:, errors] == teacher[errors]).mean(1)
    order = plain()["order"]
    kept = [k for k in range(5) if k not in order[:2]]  # round(0.75 · 3)
    rows = np.isin(material.targets, kept)
    hits = {
        role: np.array(kept)[material.voice(role).logits[rows][:, kept].argmax(1)]
        == material.targets[rows]
        for role in ("teacher", "baseline", "student")
    }
    n, easiest = int(rows.sum()), int(np.isin(material.targets, order[3:]).sum())
    asked = {
        "ask.looked.same": marked[0][-1],
        "ask.looked.clean": marked[1][-1],
        "ask.looked.why.clean": marked[1][-1],
        "ask.three.asked": 150,
        "ask.three.why.asked": 150,
        "ask.three.why.n": easiest,
        "ask.three.why.three": 3 / easiest,
        "note.n": 300,
    }
    cases = {
        "shortcut": {
            "amount": 0.75,
            "same": marked[0][3],
            "clean": marked[1][3],
            "probe": facts["shortcut"][3][0]["evidence"]["auc"],
        },
        "leak": {"amount": 0.75, "copies": 225, "measured": looked[3], "honest": looked[0]},
        "inherit": {
            "mislabelled": 0.7,
            "errors": int(errors.sum()),
            "amount": 0.75,
            "repeated": repeated[3],
            "alone": repeated[0],
        },
        "ceiling": {
            "n": n,
            **{role: hit.mean() for role, hit in hits.items()},
            "differ": int((hits["teacher"] != hits["student"]).sum()),
        },
    }
    for case, fact in cases.items():
        expected = asked | {f"{case}.fact.{name}": value for name, value in fact.items()}
        if case == "ceiling":
            expected |= {"step.three.n": n, "step.three.three": 3 / n, "step.need.need": 3000}
        texts = all_texts("wrong", case=case, amount=0.75)
        assert_every_number("wrong", texts, expected, ("finding.",))  # by the doctor's own tests
    drawn = dict(zip(*[getattr(shown_of("wrong", case="inherit").pictures[0].info, part)
                       for part in ("names", "values")], strict=True))  # fmt: skip
    assert drawn["student"] == pytest.approx((stored["inherit"] == right).mean(1))
    assert drawn["repeated"] == pytest.approx(repeated)
    drawn = shown_of("wrong", case="shortcut").pictures[0].info
    assert dict(zip(drawn.names, drawn.values, strict=True))["clean"] == pytest.approx(marked[1])


def test_history_stands_at_its_years():
    texts = all_texts("history")
    assert_every_number("history", texts, {})  # years are words
    steps = shown_of("history").pictures[0].info.steps
    assert [math.floor(step.when) for step in steps] == [paper.year for paper in PAPERS]
