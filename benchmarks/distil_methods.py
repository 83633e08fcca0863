"""What each loss and each mode costs over the student alone, in one run.

``python -m benchmarks.distil_overhead --methods``

All students take turns, a step each, in one process, so that other work on the machine slows all of
them alike. ``ratio`` is the median step times the steps of an epoch, over the same of the student
alone. ``prepare_s`` is what an epoch with a new view needs before its first step: the teacher's
answers, what is inside it, images that are made. Modes that need several trainings one after the
other (generations, assistants, further teachers) say what one of them costs.
"""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path
from typing import Any

from benchmarks.distil_overhead import fill, mode_of, noise, step
from kd_core.config import DistilSettings, LossTerm, ModelSettings
from kd_core.losses import LOSSES
from kd_core.losses.spec import needs_teacher
from kd_core.train import MODES, Mode

QUICK: dict[str, dict[str, Any]] = {
    "data_free": {"images": 64, "iterations": 20},
    "unlabelled": {"confidence": 0.0},
}
"""Parameters of modes that prepare something, so that a benchmark stays short."""


def loss_settings(name: str) -> DistilSettings:
    """A loss by itself with the least of its published weights, in the plainest mode for it."""
    entry = LOSSES[name]
    weight = None if entry.family == "response" else (entry.range or (1.0, 1.0))[0]
    mode = "offline" if needs_teacher(entry.needs) else "alone"
    return DistilSettings(mode=mode, losses=(LossTerm(name=name, weight=weight),))


def mode_settings(name: str, teacher: str) -> DistilSettings:
    """A mode with soft targets where it takes losses, and a peer where it must have one."""
    spec = MODES[name]
    peers = 1 if name == "joint" else spec.peers[0]  # the graph gives it the study's teacher
    return DistilSettings(
        mode=name,
        losses=(LossTerm(name="kd"),) if spec.losses else (),
        params=QUICK.get(name, {}),
        peers=(ModelSettings(name=teacher),) * peers,
    )


def measure_methods(options: argparse.Namespace, folder: Path) -> list[dict[str, Any]]:
    """One row a method: kind, name, ratio, seconds of preparation, where features come from."""
    data = noise(options.images, options.size)
    wanted = [("loss", name, loss_settings(name)) for name in LOSSES]
    wanted += [
        ("mode", name, mode_settings(name, options.teacher)) for name in MODES if name != "alone"
    ]
    if options.only:
        wanted = [row for row in wanted if row[1] in options.only]
    modes = {("", "alone"): mode_of(options, data, folder / "alone", None)}
    for kind, name, distil in wanted:
        modes[kind, name] = mode_of(options, data, folder / f"{kind}-{name}", distil)
    prepare = {key: fill(mode, 0) for key, mode in modes.items()}
    seconds = _take_turns(modes, options.rounds)
    alone = _epoch_s(modes["", "alone"], seconds["", "alone"])
    return [
        {
            "kind": kind,
            "name": name,
            "ratio": round(_epoch_s(mode, seconds[kind, name]) / alone, 3),
            "prepare_s": round(prepare[kind, name], 3),
            "features": mode.costs.features,
        }
        for (kind, name), mode in modes.items()
    ]


def _take_turns(
    modes: dict[tuple[str, str], Mode], rounds: int
) -> dict[tuple[str, str], list[float]]:
    """Seconds of each step; the first turn also chooses kernels and memory, and is not counted."""
    seconds: dict[tuple[str, str], list[float]] = {key: [] for key in modes}
    for turn in range(rounds + 1):
        epochs = {}
        for key, mode in modes.items():
            mode.begin_epoch(0)
            epochs[key] = mode.batches(0, 0)
        for _ in range(min(mode.steps_per_epoch for mode in modes.values())):
            for key, mode in modes.items():
                taken = step(mode, epochs[key])
                if turn:
                    seconds[key].append(taken)
    return seconds


def _epoch_s(mode: Mode, steps: list[float]) -> float:
    return statistics.median(steps) * mode.steps_per_epoch


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table, the costliest of each kind last."""
    lines = ["| | Method | Time of an epoch over alone | Before it | Inside the teacher |"]
    lines.append("|---|---|---|---|---|")
    order = {"": 0, "loss": 1, "mode": 2}
    for row in sorted(rows, key=lambda row: (order[row["kind"]], row["ratio"])):
        inside = row["features"] or "–"
        cells = (row["kind"], f"`{row['name']}`", f"{row['ratio']:.2f}×", inside)
        lines.append(
            "| {} | {} | {} | {:.2f} s | {} |".format(*cells[:3], row["prepare_s"], inside)
        )
    return "\n".join(lines)
