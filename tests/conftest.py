"""What all tests share: a store of their own, few threads, no network."""

import os

# Before torch is imported anywhere: the tests run side by side, and their networks are tiny.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import copy
import sys

import numpy as np
import pytest
import torch

torch.set_num_threads(1)
MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def main_module():
    """A page that is tested runs as ``__main__``; processes that start later must not run it."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="module", autouse=True)
def first_draws(request):
    """Where a module's generator ``RNG`` stood after its import; nothing where it has none."""
    rng = getattr(request.module, "RNG", None)
    is_generator = isinstance(rng, np.random.Generator)
    return copy.deepcopy(rng.bit_generator.state) if is_generator else None


@pytest.fixture(autouse=True)
def same_draws(request, first_draws):
    """Every test of a module draws the same, whichever tests of it ran before, and where."""
    if first_draws is not None:
        request.module.RNG.bit_generator.state = copy.deepcopy(first_draws)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty store in ``tmp_path``, so that no test sees or changes the user's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KDLAB_HOME", str(folder))
    monkeypatch.delenv("KDLAB_DATA_ROOT", raising=False)
    return folder
