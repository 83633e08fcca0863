"""The embedded study opened for lessons, once for all tests that only read it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from kd_core.data.loaded import Part
from kd_core.lessons.material import MATERIALS, Material
from kd_core.lessons.open import SHIPPED, open_material
from tests.helpers_sample import sample_store


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


def _first(part: Part, n: int) -> Part:
    return Part(np.array(part.images[:n]), part.targets[:n], part.ids[:n])
