"""The embedded study opened for lessons, once for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kd_core.data.loaded import Part
from kd_core.lessons import LESSONS
from kd_core.lessons.material import MATERIALS, Material
from kd_core.lessons.open import SHIPPED, open_material
from kd_core.lessons.spec import Shown
from kd_core.text import Msg, load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_sample import sample_store

ENGLISH = load_catalogue(ROOT / "app" / "locale").texts


@cache
def sample_material() -> Material:
    """The material of the embedded study: five classes, colour, real logits and networks."""
    return open_material(sample_store())


@pytest.fixture(scope="session")
def material() -> Material:
    """The same as a fixture, for files that import it."""
    return sample_material()


def shipped(name: str) -> Path:
    """Folder of a material that comes with the embedded study."""
    return SHIPPED / f"{name}-v{MATERIALS[name].version}"


def few_images(n: int = 48) -> Material:
    """The embedded study with few images, and its small baseline in the teacher's place."""
    material = sample_material()
    parts = {name: _first(material.data.parts[name], n) for name in ("train", "val")}
    baseline = material.voice("baseline")
    taught = replace(baseline, name="teacher", role="teacher")
    voices = (taught, *(voice for voice in material.voices if voice.role != "teacher"))
    return replace(
        material,
        data=replace(material.data, parts=parts),
        images=material.images[:n],
        targets=material.targets[:n],
        voices=tuple(replace(voice, logits=voice.logits[:n]) for voice in voices),
    )


def only_a_file(material: Material) -> Material:
    """A study whose teacher has no network: as from an ONNX file that somebody brought."""
    teacher = material.voice("teacher")
    folder = teacher.result.folder / "none"
    foreign = replace(teacher, result=replace(teacher.result, folder=folder))
    others = (voice for voice in material.voices if voice is not teacher)
    return replace(material, voices=(foreign, *others))


def shown_texts(shown: Shown) -> list[Msg]:
    """All sentences of a lesson: facts, steps, notes, and its pictures in words."""
    words = (picture.words for picture in shown.pictures)
    return [*shown.facts, *shown.steps, *shown.notes, *words]


def asked_texts(lesson: str, material: Material) -> list[Msg]:
    """The questions of a lesson, with their choices and explanations."""
    return [
        Msg(LESSONS.text_id(lesson, f"ask.{question.name}{part}"), dict(question.numbers(material)))
        for question in LESSONS[lesson].questions
        for part in ("", ".why", *(f".{choice}" for choice in question.choices))
    ]


def shown_of(lesson: str, **given: Any) -> Shown:
    """What a lesson shows of the embedded study at some values of its controls."""
    spec, material = LESSONS[lesson], sample_material()
    return spec.show(material, spec.values(material, given))


def all_texts(lesson: str, **given: Any) -> list[Msg]:
    """What it says there, and what it asks."""
    return [*shown_texts(shown_of(lesson, **given)), *asked_texts(lesson, sample_material())]


def spoken(messages: Iterable[Msg]) -> dict[str, list[float]]:
    """Every number that a reader sees, by text and parameter, in the order of the sentences."""
    found: dict[str, list[float]] = {}
    for message in messages:
        template = ENGLISH[message.id]
        written = template if isinstance(template, str) else " ".join(template.values())
        for name, value in message.params.items():
            if f"{{{name}}}" in written or f"{{{name}:" in written:
                _note(found, f"{message.id}.{name}", value)
    return found


def _note(found: dict[str, list[float]], key: str, value: Any) -> None:
    if isinstance(value, Msg):
        for name, numbers in spoken([value]).items():
            found.setdefault(name, []).extend(numbers)
    elif isinstance(value, list | tuple):
        for item in value:
            _note(found, key, item)
    elif isinstance(value, int | float | np.number):
        found.setdefault(key, []).append(float(value))


def assert_every_number(
    lesson: str,
    messages: Iterable[Msg],
    expected: Mapping[str, float | Sequence[float]],
    elsewhere: tuple[str, ...] = (),
) -> None:
    """Each number that is said was computed by the test, and each one computed is said.

    Args:
        lesson: Its name; texts of ``lesson.<name>.`` are called by what follows.
        messages: What is said.
        expected: By text and parameter: one value for all places, or one for each. A whole number
            must be equal, others to the three digits that are shown.
        elsewhere: Beginnings of texts whose numbers are tested where they are made.
    """
    start = f"lesson.{lesson}."
    said = {name.removeprefix(start): v for name, v in spoken(messages).items()}
    said = {name: v for name, v in said.items() if not name.startswith(elsewhere)}
    assert set(said) == set(expected)
    for name, values in said.items():
        wanted = expected[name]
        whole = all(isinstance(one, int) for one in np.atleast_1d(np.asarray(wanted, object)))
        many = np.broadcast_to(np.asarray(wanted, float), len(values))
        np.testing.assert_allclose(
            values, many, rtol=0 if whole else 5.1e-3, atol=0 if whole else 1.1e-5, err_msg=name
        )


def _first(part: Part, n: int) -> Part:
    return Part(np.array(part.images[:n]), part.targets[:n], part.ids[:n])
