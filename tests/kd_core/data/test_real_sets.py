"""Real sets, where ``KDLAB_REAL_DATA`` names a folder that has them; counts as published there."""

import os
from pathlib import Path

import numpy as np
import pytest

from kd_core.data import cache
from kd_core.data.draft import draft

ROOT = Path(os.environ.get("KDLAB_REAL_DATA", "none"))
pytestmark = pytest.mark.skipif(not ROOT.is_dir(), reason="KDLAB_REAL_DATA is not set")


def test_malaria_cells():
    made = draft(ROOT / "malaria_cells")
    assert made.split == "given"
    assert made.dataset.part_sizes == {"train": 1400, "val": 300, "test": 300}
    assert made.dataset.table["patient"].nunique() == 200
    assert made.dataset.channels == 3
    assert not made.unreadable


def test_covid_cxr(tmp_path):
    made = draft(ROOT / "covid_cxr")
    assert {sum(parts.values()) for parts in made.dataset.counts().values()} == {243}
    loaded = cache.load(made.dataset, 32, tmp_path)
    assert loaded.channels == 1
    assert set(loaded.parts["test"].groups) == {"view", "source"}


def test_chestxray_nih():
    data = draft(ROOT / "chestxray_nih_multilabel").dataset
    assert data.task == "multilabel"
    assert data.counts()["Edema"] == {"train": 63, "val": 10, "test": 23}
    assert data.counts()["Hernia"] == {"train": 0, "val": 3, "test": 0}
    assert data.part_sizes == {"train": 703, "val": 151, "test": 146}


def test_breastmnist():
    path = ROOT / "breastmnist" / "breastmnist.npz"
    data = draft(path, class_names="malignant; normal or benign").dataset
    assert data.part_sizes == {"train": 546, "val": 78, "test": 156}
    assert data.channels == 1
    original = np.load(path)["train_images"][0]
    row = data.table["id"].tolist().index("train-000000")
    assert (data.read(row)[..., 0] == original).all()
