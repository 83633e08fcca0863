"""What a reader computes from the figures on the screen, as they are rounded there, is right."""

import math
import re
from dataclasses import replace

import pytest

from kd_core.lessons import LESSONS
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_lessons import asked_texts, sample_material

LANGUAGES = [load_catalogue(ROOT / "app" / "locale", tag) for tag in ("en", "pt_BR")]
BY_HEART = {
    ("temperature", "by_hand"): 73.1,
    ("loss", "by_hand"): 0.5 * 0.6 + 0.5 * 4 * 0.1,
    ("loss", "bits"): 0.14,
    ("features", "by_hand"): 1,
    ("relations", "by_hand"): 0.02,
    ("shrink", "values"): 7,
    ("history", "years"): 9,
}
"""Questions with all of their figures in the sentence."""


def tiny():
    """The embedded study as if its models were a hundred times smaller."""
    material = sample_material()
    voices = []
    for voice in material.voices:
        model, teacher = voice.result.model, voice.role == "teacher"
        small = model._replace(size_bytes=114_900 if teacher else 34_900, macs=model.macs // 1000)
        quick = tuple(
            one.change(latency_ms_p50=0.03449 if teacher else 0.00851)
            for one in voice.result.measurements
        )
        voices.append(replace(voice, result=replace(voice.result, model=small, measurements=quick)))
    made = dict(material.made)
    features, cuts = made["features"], made["sensitivity"]
    made["features"] = replace(
        features, mse=tuple(tuple(value / 700 for value in row) for row in features.mse)
    )
    made["sensitivity"] = replace(
        cuts, whole=replace(cuts.whole, macs=tuple(macs // 1000 for macs in cuts.whole.macs))
    )
    return replace(material, voices=tuple(voices), made=made)


MATERIALS = {"sample": sample_material, "tiny": tiny}


def read(message, name, catalogue):
    """One figure of a sentence as it stands on the screen, as a number again."""
    kind = re.search(rf"{{{name}:(\w+)}}", catalogue.texts[message.id])[1]
    written = catalogue.number(message.params[name], kind)
    decimal, thousands = (".", ",") if catalogue.language == "en" else (",", ".")
    digits = re.match(r"[\d.,]+", written)[0]
    return float(digits.replace(thousands, "").replace(decimal, "."))


def computed(lesson, question, material, catalogue):
    """The answer of somebody with the screen and a calculator."""
    if (lesson, question) in BY_HEART:
        return BY_HEART[lesson, question]
    asked = next(
        one for one in asked_texts(lesson, material) if one.id.endswith(f".ask.{question}")
    )

    def seen(name, message=asked):
        return read(message, name, catalogue)

    def fact(part, **given):
        spec = LESSONS[lesson]
        shown = spec.show(material, spec.values(material, given))
        return next(one for one in shown.facts if part in one.id)

    match lesson, question:
        case "small", "times":
            return seen("teacher") / seen("student")
        case "small", "seconds":
            return seen("ms") * seen("n") / 1000
        case "temperature", "most":
            return round(math.log(seen("k")), 2)
        case "features", "fallen":
            last = len(material.made["features"].stages) - 1
            told = fact("fact.epoch", stage=str(last), epoch=seen("epochs"))
            return 100 * (1 - seen("mse", told) / seen("first", told))
        case "modes", "two":
            return seen("times", fact("modes.cost", way="mutual"))
        case "shrink", "macs":
            told = fact("fact.all", layer="all", cut=50)
            return 100 * seen("macs", told) / seen("macs_before", told)
        case "tradeoff", "images":
            return round(0.003 * seen("n"), 1)
        case "wrong", "three":
            return 300 / seen("asked")
    raise KeyError(question)


NUMERIC = [
    (lesson, question)
    for lesson in LESSONS
    for question in LESSONS[lesson].questions
    if question.kind == "number"
]


@pytest.mark.parametrize("catalogue", LANGUAGES, ids=lambda one: one.language)
@pytest.mark.parametrize("which", MATERIALS)
def test_what_is_computed_from_the_screen_is_right(which, catalogue):
    material = MATERIALS[which]()
    for lesson, question in NUMERIC:
        answer = computed(lesson, question.name, material, catalogue)
        assert question.is_right(answer, material), (lesson, question.name, answer)


def test_what_stands_in_an_explanation_is_the_right_answer():
    for material in (sample_material(), tiny()):
        why = {one.id: one for one in asked_texts("small", material)}
        for question, name in (("times", "times"), ("seconds", "seconds")):
            told = why[f"lesson.small.ask.{question}.why"].params[name]
            asked = next(one for one in LESSONS["small"].questions if one.name == question)
            assert asked.answer(material) == told
