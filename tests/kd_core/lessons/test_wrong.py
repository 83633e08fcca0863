import json

import numpy as np
import pytest
from scipy import stats

from kd_core.lessons import LESSONS
from kd_core.lessons.made_wrong import AMOUNTS, CASES
from kd_core.lessons.wrong import numbers_of, place_of, show
from tests.helpers_lessons import sample_material, shipped
from tests.helpers_sample import say

FOLDER = shipped("wrong")


@pytest.fixture(scope="module")
def stored():
    with np.load(FOLDER / "wrong.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def facts():
    return json.loads((FOLDER / "wrong.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_a_shortcut_by_hand(stored, facts, amount):
    numbers, row = numbers_of(sample_material(), "shortcut", amount), place_of(amount)
    right = stored["targets"]
    assert numbers["same"] == (stored["shortcut_same"][row] == right).mean()
    assert numbers["clean"] == (stored["shortcut_clean"][row] == right).mean()
    assert numbers["probe"] == facts["findings"]["shortcut"][row][0]["evidence"]["auc"]


@pytest.mark.parametrize("amount", AMOUNTS)
def test_leakage_by_hand(stored, facts, amount):
    numbers, row = numbers_of(sample_material(), "leak", amount), place_of(amount)
    hits = stored["leak"] == stored["targets"]
    assert numbers["measured"] == hits[row].mean()
    assert numbers["honest"] == hits[0].mean()
    assert numbers["copies"] == round(amount * len(stored["targets"]))
    assert hits[row][stored["leak_copied"][row]].all()  # known by heart
    evidence = facts["findings"]["leak"][row][0]["evidence"]
    assert numbers["found"] == evidence.get("share", 0.0)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_an_inherited_error_by_hand(stored, facts, amount):
    numbers, row = numbers_of(sample_material(), "inherit", amount), place_of(amount)
    right, teacher, student = stored["targets"], stored["teacher"], stored["inherit"][row]
    errors = [i for i in range(len(right)) if teacher[i] != right[i]]
    assert numbers["errors"] == len(errors)
    repeated = sum(student[i] == teacher[i] for i in errors)
    assert numbers["repeated"] == pytest.approx(repeated / len(errors))
    alone = sum(stored["inherit"][0][i] == teacher[i] for i in errors)
    assert numbers["alone"] == pytest.approx(alone / len(errors))
    group = [i for i in range(len(right)) if right[i] == facts["mistake"]["of"]]
    hits = sum(student[i] == right[i] for i in group)
    assert numbers["group"] == pytest.approx(hits / len(group))


@pytest.mark.parametrize("amount", AMOUNTS)
def test_a_ceiling_by_hand(facts, amount):
    material = sample_material()
    numbers = numbers_of(material, "ceiling", amount)
    left_out = facts["order"][: round(amount * (len(material.classes) - 2))]
    kept = [k for k in range(len(material.classes)) if k not in left_out]
    rows = [i for i, k in enumerate(material.targets) if k in kept]
    assert numbers["n"] == len(rows)
    hits = {}
    for role in ("teacher", "baseline", "student"):
        logits = material.voice(role).logits
        hits[role] = [max(kept, key=lambda k: logits[i, k]) == material.targets[i] for i in rows]
        assert numbers[role] == pytest.approx(np.mean(hits[role]))
    differ = sum(a != b for a, b in zip(hits["teacher"], hits["student"], strict=True))
    assert numbers["differ"] == differ
    shown = show(material, {"case": "ceiling", "amount": amount})
    for model in shown.pictures[0].info.models:
        k = round(model.right * len(rows))
        ends = stats.binomtest(k, len(rows)).proportion_ci(method="wilson")
        assert (model.low, model.high) == pytest.approx(tuple(ends), abs=1e-6)


def test_the_rule_of_three_is_near_the_exact_bound():
    numbers = numbers_of(sample_material(), "ceiling", 1.0)
    n = int(numbers["n"])
    exact = 1 - 0.05 ** (1 / n)  # (1 − p)ⁿ = 0.05
    assert numbers["three"] == pytest.approx(3 / n)
    assert numbers["three"] == pytest.approx(exact, rel=0.02)
    assert numbers["need"] == 3000


@pytest.mark.parametrize("case", CASES)
def test_the_sentences_have_the_numbers_and_the_doctors_word(case):
    shown = show(sample_material(), {"case": case, "amount": 0.75})
    fact, *doctor = [say(message) for message in shown.facts]
    assert "{" not in fact
    assert doctor
    assert all("data doctor" in sentence for sentence in doctor)
    numbers = numbers_of(sample_material(), case, 0.75)
    key = {"shortcut": "clean", "leak": "measured", "inherit": "repeated", "ceiling": "teacher"}
    assert f"{100 * numbers[key[case]]:.1f} %" in fact


def test_what_the_sample_shows():
    material = sample_material()
    marked = numbers_of(material, "shortcut", 1.0)
    assert marked["same"] > 0.95 > marked["clean"] + 0.2
    assert numbers_of(material, "leak", 1.0)["measured"] > 0.99
    easy = numbers_of(material, "ceiling", 1.0)
    assert min(easy[role] for role in ("teacher", "baseline", "student")) > 0.98
    inherited = [numbers_of(material, "inherit", amount)["repeated"] for amount in (0.0, 1.0)]
    assert inherited[1] > inherited[0] + 0.2


def test_questions():
    material = sample_material()
    questions = {question.name: question for question in LESSONS["wrong"].questions}
    assert questions["three"].is_right(2.0, material)
    assert not questions["three"].is_right(3.0, material)
    assert questions["unseen"].is_right("inherit", material)
    asked = questions["looked"].numbers(material)
    assert asked["same"] == numbers_of(material, "shortcut", 1.0)["same"]
