"""The embedded study opened for lessons, once for all tests that only read it."""

from __future__ import annotations

from functools import cache

import pytest

from kd_core.lessons.material import Material
from kd_core.lessons.open import open_material
from tests.helpers_sample import sample_store


@cache
def sample_material() -> Material:
    """The material of the embedded study: five classes, colour, real logits and networks."""
    return open_material(sample_store())


@pytest.fixture(scope="session")
def material() -> Material:
    """The same as a fixture, for files that import it."""
    return sample_material()
