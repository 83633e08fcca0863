"""What all tests share: a store of their own, few threads, no network."""

import os

# Before torch is imported anywhere: the tests run side by side, and their networks are tiny.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch

torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty store in ``tmp_path``, so that no test sees or changes the user's own."""
    folder = tmp_path / "home"
    monkeypatch.setenv("KDLAB_HOME", str(folder))
    monkeypatch.delenv("KDLAB_DATA_ROOT", raising=False)
    return folder
