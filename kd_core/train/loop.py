"""The loop: epochs, validation, the best checkpoint, reports, and going on after a stop.

    fit ─► mode (networks, batches, steps) ─► validation after each epoch ─► best weights

It knows no task, no loss and no mode: those are asked for by name and answer for themselves.
Epochs count from 0 in here and from 1 in everything that a person reads.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from kd_core import repro
from kd_core.config import RunSettings, canonical_hash
from kd_core.data.loaded import LoadedData
from kd_core.errors import ConfigError, JobError, TrainError
from kd_core.evaluate.metrics import METRICS
from kd_core.events import Event, Stage
from kd_core.tasks import TASKS
from kd_core.text import Msg
from kd_core.train import balance, checkpoint
from kd_core.train.modes import Mode, Outside, Setup, check_mode
from kd_core.train.report import Meter, Reporter, write_history
from kd_core.train.result import FitResult
from kd_core.train.spent import Gauges, Spending
from kd_core.train.state import TrainState, at_rest, copy_of
from kd_core.train.validate import Rank, Validator

Watch = Callable[[int, int, nn.Module], None]
"""Called with steps done, steps in all, and the network that will be deployed."""

CHECKPOINT = "checkpoint.pt"
HISTORY = "history.csv"

SAVE_EVERY_S = 120.0
"""A long epoch is saved in between, so that a crash costs minutes and not hours."""


def fit(
    run: RunSettings,
    data: LoadedData,
    model: nn.Module,
    teacher: nn.Module | None = None,
    *,
    folder: Path,
    cache: Path,
    outside: Outside | None = None,
    emit: Callable[[Event], None] = lambda event: None,
    stop: Callable[[], str | None] = lambda: None,
    gauges: Gauges | None = None,
    watch: Watch | None = None,
) -> FitResult:
    """Train one network by the full schedule and keep its best checkpoint.

    If ``folder`` holds a checkpoint of the same run, training goes on from there; on a CPU with
    the same thread count the result is the same, bit for bit, as without the interruption.

    Args:
        run: The frozen configuration.
        data: The data set at the run's size.
        model: Network with its initial weights; changed in place.
        teacher: A trained network for modes that need one.
        folder: The run's folder, for the checkpoint and ``history.csv``.
        cache: Where the teacher's outputs are kept.
        outside: Further teachers, networks and data for modes that ask for them.
        emit: Takes each event.
        stop: ``"cancelled"`` or ``"paused"`` once that is asked for; asked before every step.
        gauges: What energy and memory are read from; nothing by default.
        watch: Sees the network after each step; it must leave weights and draws alone.

    Raises:
        ConfigError: The configuration does not fit the data, the task or the mode.
        TrainError: ``loss_nan``, ``teacher_nan``, ``out_of_memory``, ``too_few_images``,
            ``part_empty``, ``resume_unreadable``, ``checkpoint_other_run``, or a device error.
        StoreError: ``disk_full``, ``teacher_outputs_too_large``.
        JobError: ``cancelled`` or ``paused``; after a pause the checkpoint is at the last step.
    """
    device = repro.prepare(run.compute, run.seed)
    try:
        more = outside or Outside()
        if teacher is not None:
            more = replace(more, teachers={"teacher": teacher, **more.teachers})
        training = _Training(run, data, model, device, folder, cache, more, emit, stop)
        training.spending, training.watch = Spending(gauges or Gauges()), watch
        return training.run()
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        raise TrainError(
            "out_of_memory",
            device=str(device),
            batch_size=run.train.batch_size,
            size=data.size,
            model=run.model.name,
        ) from error


def _is_out_of_memory(error: BaseException) -> bool:
    # Only CUDA has an exception of its own; the CPU and MPS say it in the text of a RuntimeError.
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text


class _Training:
    """One call of :func:`fit`."""

    spending: Spending
    watch: Watch | None

    def __init__(
        self,
        run: RunSettings,
        data: LoadedData,
        model: nn.Module,
        device: torch.device,
        folder: Path,
        cache: Path,
        outside: Outside,
        emit: Callable[[Event], None],
        stop: Callable[[], str | None],
    ) -> None:
        self.run_settings, self.device, self.stop = run, device, stop
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.state = TrainState(checkpoint.weights_hash(model.state_dict()))
        self.identity = _identity(run, data, self.state.initial, outside.teachers)
        self.validator = Validator(run, data, device)
        self.reporter = Reporter(emit)
        teacher, task = outside.teachers.get("teacher"), TASKS[data.task]
        own = (model, teacher, device, cache, self._tick, outside, folder, self.reporter.log)
        self.mode = _build_mode(Setup(run, data, task, *own))
        if (folder / CHECKPOINT).exists():
            self._resume()

    def run(self) -> FitResult:
        """All epochs that are left."""
        mode, state = self.mode, self.state
        self.reporter.start(state.step, mode.total_steps)
        if self.run_settings.distil is not None and state.step < balance.STEPS:
            mode.scales = balance.Scales(balance.STEPS - state.step)
        while state.step < mode.total_steps:
            epoch = state.step // mode.steps_per_epoch
            mode.begin_epoch(epoch)
            try:
                self._steps(epoch)
            except JobError as error:
                if error.code == "paused":
                    self._save()
                raise
            self._finish_epoch(epoch)
        network = mode.deployed()
        network.load_state_dict(state.best_weights)
        for name, module in mode.kept().items():
            module.load_state_dict(state.best_others[name])
        others = {n: replace(o, network=at_rest(o.network)) for n, o in mode.others().items()}
        return FitResult(
            network=at_rest(network),
            history=tuple(state.history),
            best_epoch=state.best_epoch,
            select_metric=self.validator.select,
            steps=state.step,
            seconds=state.seconds,
            teacher_seconds=mode.costs.teacher_seconds,
            teacher_images=mode.costs.teacher_images,
            initial_sha256=state.initial,
            teacher_features=mode.costs.features,
            teacher_feature_bytes=mode.costs.feature_bytes,
            energy_j=state.energy_j,
            peak_memory_bytes=state.peak_memory_bytes,
            others=others,
            facts=mode.facts,
        )

    def _steps(self, epoch: int) -> None:
        mode, state = self.mode, self.state
        begin, end = epoch * mode.steps_per_epoch, (epoch + 1) * mode.steps_per_epoch
        end = min(end, mode.total_steps)
        self._epoch_began = self._saved = time.perf_counter()
        batches = mode.batches(epoch, state.step - begin)
        while state.step < end:
            self._poll()
            asked = time.perf_counter()
            batch = next(batches)
            state.wait_s += time.perf_counter() - asked
            parts = {name: part.detach() for name, part in mode.step(batch).items()}
            state.step += 1
            state.meter.add(parts)
            self._tell_balance()
            if self.watch is not None:
                self.watch(state.step, mode.total_steps, mode.deployed())
            if self.device.type == "cpu":  # reading a number makes a GPU wait for it
                self._check_finite(parts, epoch)
            if self.reporter.due():
                self._check_finite(state.meter.sums, epoch)
                self.reporter.progress(state.step)
                self.spending.charge(state)  # now and then, since counters start anew at a limit
                values = {**state.meter.means(), "lr": mode.lr}
                self.reporter.metric(epoch + 1, state.step, values)
            if state.step < end and time.perf_counter() - self._saved > SAVE_EVERY_S:
                self._save()
        self._check_finite(state.meter.sums, epoch)

    def _finish_epoch(self, epoch: int) -> None:
        mode, state = self.mode, self.state
        scores = self.validator(mode.deployed(), self._beat)
        self._check_finite({"validation": scores["val.loss"]}, epoch)
        for name, other in mode.others().items():
            beside = self.validator(other.network, self._beat)
            scores |= {f"{name}/{figure}": value for figure, value in beside.items()}
        seconds = state.epoch_seconds + time.perf_counter() - self._epoch_began
        figures = {**state.meter.means(), **scores, "lr": mode.lr, **mode.settings()}
        times = {"seconds": seconds, "wait_s": state.wait_s}
        state.history.append({"epoch": epoch + 1, "step": state.step, **figures, **times})
        higher = METRICS[self.validator.select].higher_is_better
        rank = Rank.of(scores[f"val.{self.validator.select}"], scores["val.loss"], higher)
        if rank > state.best_rank or not state.best_epoch:
            state.best_rank, state.best_epoch = rank, epoch + 1
            state.best_weights = copy_of(mode.deployed())
            state.best_others = {name: copy_of(module) for name, module in mode.kept().items()}
        state.seconds += seconds
        self.spending.charge(state)
        state.epoch_seconds, state.wait_s, state.meter = 0.0, 0.0, Meter()
        write_history(self.folder / HISTORY, state.history)
        self._write()
        self.reporter.progress(state.step)
        self.reporter.metric(epoch + 1, state.step, {**figures, **times})

    def _tell_balance(self) -> None:
        """How hard the parts of the loss pull, once the first steps are weighed."""
        scales = self.mode.scales
        if scales is None or not (scales.full or self.state.step == self.mode.total_steps):
            return
        self.mode.scales = None
        if scales.n:
            found = scales.balance()
            balance.write_balance(self.folder, found)
            for level, msg in balance.messages(found):
                self.reporter.log(msg, level)

    def _check_finite(self, parts: Mapping[str, Tensor | float], epoch: int) -> None:
        wrong = next((name for name, value in parts.items() if not math.isfinite(value)), None)
        if wrong is None:
            return
        raise TrainError(
            "loss_nan",
            part=wrong,
            epoch=epoch + 1,
            step=self.state.step,
            lr=self.mode.lr,
            kept_epoch=self.state.best_epoch,
        )

    def _poll(self) -> None:
        reason = self.stop()
        if reason == "paused":
            raise JobError("paused")
        if reason is not None:
            raise JobError("cancelled")

    def _tick(self, stage: Stage, done: int, total: int) -> None:
        self._poll()
        if self.reporter.due() or done == total:
            self.reporter.stage(stage, done, total)

    def _beat(self) -> None:
        if self.reporter.due():
            self.reporter.progress(self.state.step)

    def _save(self) -> None:
        """Save in the middle of an epoch."""
        now = time.perf_counter()
        self.state.epoch_seconds += now - self._epoch_began
        self.spending.charge(self.state)
        self._epoch_began = self._saved = now
        self._write()

    def _write(self) -> None:
        state = {
            "identity": self.identity,
            "mode": self.mode.state_dict(),
            "state": self.state.to_plain(),
            "random": checkpoint.random_state(),
        }
        checkpoint.save(self.folder / CHECKPOINT, state)

    def _resume(self) -> None:
        saved = checkpoint.load(self.folder / CHECKPOINT)
        if saved.get("identity") != self.identity:
            raise TrainError("checkpoint_other_run", path=str(self.folder / CHECKPOINT))
        self.mode.load_state_dict(saved["mode"])
        self.state = TrainState.from_plain(saved["state"])
        checkpoint.restore_random_state(saved["random"])
        epoch = len(self.state.history)
        self.reporter.log(Msg("train.resumed", {"step": self.state.step, "epoch": epoch}))


def _build_mode(setup: Setup) -> Mode:
    name = setup.distil.mode
    spec = check_mode(setup.distil, setup.data.task)
    if spec.needs_teacher and setup.teacher is None:
        raise ConfigError("teacher_missing", mode=name)
    return spec.build(setup)


def _identity(
    run: RunSettings, data: LoadedData, initial: str, teachers: Mapping[str, nn.Module]
) -> str:
    """What a checkpoint belongs to: settings, data, initial weights and teachers."""
    taught = {name: checkpoint.network_hash(teacher) for name, teacher in teachers.items()}
    return canonical_hash([run.to_json(), data.identity, data.size, initial, taught])
