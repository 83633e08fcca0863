"""Tiny data with and without a fault, and a way to be sure that a finding can be read."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from kd_core.data.loaded import LoadedData, Part
from kd_core.text import load_catalogue

TEXTS = load_catalogue(Path(__file__).parents[4] / "app" / "locale")


def make_part(images, targets, name="p", patients=None):
    return Part(
        images=np.asarray(images, np.uint8),
        targets=np.asarray(targets),
        ids=tuple(f"{name}{i}" for i in range(len(images))),
        patients=None if patients is None else np.asarray(patients, str),
    )


def make_data(parts, classes=("cat", "dog"), task="classification"):
    channels, size = next(iter(parts.values())).images.shape[1:3]
    return LoadedData(
        name="tiny",
        hash="0",
        task=task,
        classes=classes,
        size=size,
        mean=(0.5,) * channels,
        std=(0.2,) * channels,
        parts=parts,
    )


def smooth_images(n, size=64, channels=1, seed=0):
    """Images with structure at all scales, (n, C, S, S), as photographs have and noise has not."""
    generator = torch.Generator().manual_seed(seed)
    total = torch.zeros(n, 1, size, size)
    for cells in (4, 8, 16, 32):
        coarse = torch.randn(n, 1, cells, cells, generator=generator) / cells
        total += interpolate(coarse, size=(size, size), mode="bicubic")
    total -= total.amin((1, 2, 3), keepdim=True)
    tint = 0.8 + 0.2 * torch.rand(n, channels, 1, 1, generator=generator)
    grey = total / total.amax((1, 2, 3), keepdim=True)
    return (grey * (tint if channels > 1 else 1) * 255).to(torch.uint8).numpy()


def labelled(train, val, test, classes=("cat", "dog"), task="classification"):
    """Data with these targets and random images of 16 px."""
    parts = {
        name: make_part(smooth_images(len(targets), 32, seed=seed), targets, name)
        for seed, (name, targets) in enumerate({"train": train, "val": val, "test": test}.items())
    }
    return make_data(parts, classes, task)


def readable(finding):
    """The finding itself, after both its texts were made without a gap."""
    for msg in (finding.msg, finding.consequence):
        assert msg.id in TEXTS
        assert "{" not in TEXTS.render(msg)
    return finding


@pytest.fixture
def one():
    """The only finding of a check, which must be readable."""

    def only(findings):
        assert len(findings) == 1
        return readable(findings[0])

    return only
