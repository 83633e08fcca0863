"""Two trivial methods of compression for tests: one for networks and one for files."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from kd_core.compress import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.registry import Param
from kd_core.text import Msg


def halve(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """Set the smaller half of every larger tensor to zero, then tune in two goes if there is how.

    What tuning does to the zeros is left to it; ``facts`` count the goes.
    """
    assert subject.network is not None
    network = subject.network
    with torch.no_grad():
        for weight in network.parameters():
            if weight.ndim > 1:
                weight[weight.abs() < weight.abs().median()] = 0.0
    goes = 0
    if shop.tune is not None:
        for _ in range(2):
            network = shop.tune(network, 0.5)
            goes += 1
    shop.tick("compress", 1, 1)
    return Made(network=network, facts={"goes": goes}, notes=(Msg("refuses.no_network"),))


def same_file(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """The same file again."""
    target = shop.folder / "same.onnx"
    shutil.copyfile(subject.file, target)
    return Made(file=target, facts={"images": len(shop.images("train", 4))})


def refuse_narrow(subject: Subject, params: Mapping[str, Any]) -> Msg | None:
    """Refuses when it is told to."""
    return Msg("refuses.no_network") if params["refuse"] else None


METHODS = {
    "test_halve": CompressorSpec(
        apply=halve,
        family="sparsify",
        works_on="network",
        tunes="may",
        refuses=refuse_narrow,
        params=(Param("refuse", "bool", False),),
    ),
    "test_same_file": CompressorSpec(apply=same_file, family="graph", works_on="file"),
}


@contextmanager
def test_methods() -> Iterator[None]:
    """The two methods in the registry, for as long as it takes."""
    for name, spec in METHODS.items():
        COMPRESSORS.add(name, spec)
    try:
        yield
    finally:
        for name in METHODS:
            del COMPRESSORS._entries[name]


test_methods.__test__ = False  # type: ignore[attr-defined]
