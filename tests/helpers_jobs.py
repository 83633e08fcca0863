"""Studies without training: a way of the data that takes milliseconds and fails on request."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kd_core.config import DataSettings, ModelSettings, RunSettings, StudySettings
from kd_core.errors import JobError, TrainError
from kd_core.events import Event, Metric, Progress, Started
from kd_core.jobs import Timing
from kd_core.jobs.protocol import JobLine
from kd_core.jobs.worker import carry_out
from kd_core.study.claims import Claims
from kd_core.study.records import (
    MEASUREMENTS,
    RECORD,
    DataRecord,
    Job,
    ModelRecord,
    RunRecord,
    ScoreRecord,
    write_json,
    write_text,
)
from kd_core.study.rows import RunRow, Status
from kd_core.study.store import Store

TARGET = "tests.helpers_jobs:execute"
# As a dictionary: kd_core.latency would bring torch into every worker of these tests.
MEASUREMENT = {
    "runtime_version": "1", "precision": "fp32", "threads": 1, "batch": 1, "channels": 3,
    "size": 64, "warmup": 1, "repeats": 5, "latency_ms_p50": 1.5, "latency_ms_p95": 2.5,
    "images_per_s": 600.0, "load_ms": 1.0, "preprocess_ms_p50": 0.1, "preprocess_ms_p95": 0.2,
    "preprocess_source_px": 64, "baseline_memory_bytes": 1, "peak_memory_bytes": 2,
    "model_sha256": "0", "model_size_bytes": 1, "cpu": "c", "cpu_cores": 2, "os": "o",
    "measured_at": 5.0,
}  # fmt: skip
FAST = Timing(lease=1.5, tick=0.05, idle=0.05, keeper=0.1, grace=1.5)
DEADLINE_S = 180.0  # only ever reached when a test fails


def study(*seeds: int, data_hash: str = "d1", **params: Any) -> StudySettings:
    """A teacher, and for each seed a baseline and a student; ``params`` steer :func:`execute`."""
    return StudySettings(
        data=DataSettings(dataset="sample", data_hash=data_hash),
        student=ModelSettings(name="fake", params=params),
        seeds=seeds or (0,),
    )


def execute(run: RunSettings, job: Job) -> None:
    """Count to ``steps``, with a checkpoint after each; ``do`` says what happens at step 2.

    ``do`` is ``wait`` (until a file ``go`` is in the home), ``deaf`` (the same, and requests are
    not obeyed), ``die`` (killed, the first time), or a kind of failure.
    """
    params = run.model.params
    job.emit(Started(pid=os.getpid(), device="cpu"))
    checkpoint = job.folder / "checkpoint.json"
    first = json.loads(checkpoint.read_text())["step"] if checkpoint.exists() else 0
    write_json(job.folder / f"first-{first}.json", {})
    for step in range(first, int(params.get("steps", 3))):
        if step == 2:
            _happen(str(params.get("do", "")), job)
        if asked := job.stop():
            raise JobError(asked)
        job.emit(Progress(stage="train", done=step + 1, total=3, left_s=1.0))
        job.emit(Metric(epoch=step + 1, step=step + 1, values={"loss.task": 1 / (step + 1)}))
        write_json(checkpoint, {"step": step + 1})
    write_result(run, job)


def _happen(do: str, job: Job) -> None:
    go, dead = job.home / "go", job.folder / "died"
    while do in ("wait", "deaf") and not go.exists():
        if do == "wait" and (asked := job.stop()):
            raise JobError(asked)
        time.sleep(0.01)
    if do == "die" and not dead.exists():
        dead.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if do == "exit":
        os._exit(7)
    if do == "nan":
        raise TrainError("loss_nan", part="task", epoch=1, step=2, lr=0.1)
    if do == "memory":
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate")
    if do == "full":
        raise OSError(28, "No space left on device")
    if do == "bug":
        raise ZeroDivisionError("division by zero")
    if do == "print":
        print("to stdout")
        subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)


def write_result(run: RunSettings, job: Job) -> None:
    """A record, a model file and a measurement, as the real way of the data leaves them."""
    content = f"{job.config_hash}".encode()
    file = job.folder / "models" / "main" / "model.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    score = ScoreRecord(value=0.5 + run.seed / 100, low=0.4, high=0.6, n=10)
    model = ModelRecord(
        name="main",
        role=run.role,
        architecture=run.model.name,
        params=10,
        state_dict_bytes=40,
        macs=100,
        size_bytes=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        network_sha256=f"network-{run.key}",
        scores={"balanced_accuracy": score},
    )
    line = {"model": "main", "at": MEASUREMENT["measured_at"], **MEASUREMENT}
    write_text(job.folder / MEASUREMENTS, json.dumps(line) + "\n")
    data = DataRecord(
        name="sample", hash="d1", task="classification", classes=("a", "b"), size=64, channels=3,
        counts={"train": 1},
    )  # fmt: skip
    record = RunRecord(
        run_id=job.run_id,
        study_id=job.study_id,
        settings=run,
        config_hash=job.config_hash,
        parents={name: folder.name for name, folder in job.parents.items()},
        data=data,
        models=(model,),
        environment={},
        started=1.0,
        seconds=1.0,
    )
    write_json(job.folder / RECORD, record.to_json())


def run_here(
    store: Store,
    run: Callable[[RunSettings, Job], Any] = execute,
    holder: str = "test",
    asked: Status | None = None,
) -> str | None:
    """Take the next run and carry it out in this process; its id, ``None`` if there was none."""
    claims = Claims(store, holder)
    claim = claims.next("auto", ("auto",))
    if claim is None:
        return None
    home, run_id = store.home, claim.file.run.id
    parents = {name: str(home.run(parent)) for name, parent in claim.parents.items()}
    line = JobLine(home=str(home.root), file=claim.file, parents=parents)
    events: list[str] = []
    ending = carry_out(line, run, events.append, lambda: asked)
    for text in events:
        claims.record(run_id, _event(text))
    claims.record(run_id, ending)
    return run_id


def run_all(store: Store) -> list[str]:
    """Carry out whatever is queued, one after the other; the ids in that order."""
    return list(iter(lambda: run_here(store), None))


def _event(line: str) -> Event:
    from kd_core.events import from_line

    return from_line(line)


def by_key(store: Store, study_id: str) -> dict[str, RunRow]:
    """Runs of a study by graph key."""
    return {row.key: row for row in store.runs(study=study_id)}


def until(condition: Callable[[], Any], what: str = "it") -> Any:
    """Wait for something to become true; its value."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"{what} did not happen in {DEADLINE_S:.0f} s")


def until_status(store: Store, run_id: str, *status: Status) -> RunRow:
    """Wait for a run to reach one of these states."""

    def reached() -> RunRow | None:
        row = store.run(run_id)
        return row if row.status in status else None

    row: RunRow = until(reached, f"{run_id} {status}, now {store.run(run_id).status}")
    return row


def let_go(home: Path) -> None:
    """Let runs go on that ``wait``."""
    (home / "go").touch()
