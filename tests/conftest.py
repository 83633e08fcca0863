"""What all tests share: a store of their own, few threads, no network."""

import os

# Before torch is imported anywhere: the tests run side by side, and their networks are tiny.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import sys

import pytest
import torch

torch.set_num_threads(1)
MAIN = sys.modules["__main__"]


@pytest.fixture(autouse=True)
def main_module():
    """A page that is tested runs as ``__main__``; processes that start later must not run it."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty store in ``tmp_path``, so that no test sees or changes the user's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KDLAB_HOME", str(folder))
    monkeypatch.delenv("KDLAB_DATA_ROOT", raising=False)
    return folder
