"""Two trivial methods of compression for tests: one for networks and one for files.

``python -m tests.helpers_chain`` carries out a chain with them in processes that are killed.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from kd_core.compress import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.config import RunSettings
from kd_core.events import Event
from kd_core.registry import Param
from kd_core.study.pipeline import execute
from kd_core.study.records import Job
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


def killed(run: RunSettings, home: Path, folder: Path, teacher: Path, at: str) -> None:
    """Carry out a chain, and kill this process when it says ``at``.

    Args:
        run: The chain.
        home: Where the data are.
        folder: Of the run.
        teacher: Folder of the run that is compressed, and that teaches.
        at: ``epoch-3`` (in the fine-tuning, after the third epoch) or ``step-2`` (where the second
            step begins).
    """

    def emit(event: Event) -> None:
        step = event.msg["params"].get("step") if event.type == "log" else None
        epoch = event.epoch if event.type == "metric" else None
        if at in (f"step-{step}", f"epoch-{epoch}"):
            os.kill(os.getpid(), signal.SIGKILL)

    parents = {"origin": teacher, "teacher": teacher}
    execute(run, Job(folder.name, folder, home, parents=parents, emit=emit))


def killed_in_turn(run: RunSettings, *folders: Path, at: Sequence[str]) -> list[int]:
    """:func:`killed` at one event after the other, in the same folder; how each process ended.

    Each process is a fork of this one, which has done nothing yet but import.
    """
    ended = []
    for event in at:
        child = os.fork()
        if not child:
            killed(run, *folders, at=event)
            os._exit(0)
        ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return ended


if __name__ == "__main__":
    with test_methods():
        settings = RunSettings.from_json(json.loads(sys.stdin.read()))
        print(*killed_in_turn(settings, *map(Path, sys.argv[1:4]), at=sys.argv[4:]))
