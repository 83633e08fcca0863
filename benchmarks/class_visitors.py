"""A class in one room: how quick a slider is, and when the last live run is finished.

``python -m benchmarks.class_visitors --visitors 30 --json``

A home of its own is prepared as for a class (the teacher's answers and the student alone are
stored), ``kd-lab serve`` is started on loopback, and so many browsers come in by class code within
``--arrive`` seconds. When all are there, each moves a lesson's slider, about every ``--pause``
seconds; then all start a live run at once, each with α and T of their own, and go on moving a
slider until their run is over. A response is the time from the key to the changed picture on the
page, in the visitor's browser. All browsers run on the machine of the server and of the runs, so
their own work, most of it, is part of every figure: ``cpu_s`` says who used the processor. On
Linux they step back as far as a run does, and behind the runs while these are trained, since the
server of a class would not have them; a response during that time is an upper bound.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.class_browsers import Plan, Seen, visit
from kd_core.lessons.live import EXPECTED_S, live_study

ROOT = Path(__file__).parent.parent
CODE, TOKEN = "heron-7", "grey-heron-77"
PREPARE_S = 900.0

AIMS = {"failed": 0, "last_run_s": 180.0}


def main() -> None:
    """Measure, print, and end with status 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.class_visitors")
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--arrive", type=float, default=180.0, help="seconds in which all come in")
    parser.add_argument("--moves", type=int, default=5, help="of the lesson's slider, each visitor")
    parser.add_argument("--pause", type=float, default=10.0, help="mean seconds between two moves")
    parser.add_argument("--home", help="a home that an earlier call prepared, or where to leave it")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(options.home) if options.home else Path(folder) / "home"
        found = measure(options, home)
    if options.json:
        print(json.dumps(found, indent=1))
    else:
        for name, value in found.items():
            print(f"{name:24} {value}")
    sys.exit(any(found[name] > aim for name, aim in AIMS.items()))


def measure(options: argparse.Namespace, home: Path) -> dict[str, Any]:
    """All figures of one class."""
    began = time.perf_counter()
    prepare(home)
    prepared_s = time.perf_counter() - began
    plan = Plan(options.visitors, options.arrive, options.moves, options.pause, CODE)
    seen = Seen()
    with server(home) as address:
        asyncio.run(visit(plan, address, seen))
    return {"prepare_s": round(prepared_s, 1), **figures(options.visitors, seen, runs_of(home))}


def prepare(home: Path) -> None:
    """One start as a visitor's: it leaves the teacher's answers and the student alone in the home.

    Raises:
        SystemExit: It did not finish in time.
    """
    from kd_core.jobs import connect
    from kd_core.lessons.open import open_material
    from kd_core.study.graph import expand

    with contextlib.closing(connect(home)) as jobs:
        wanted = live_study(open_material(jobs.store), 0.3, 4.0)
        expected = {run.key: EXPECTED_S for run in expand(wanted)}
        study, runs = jobs.wait(jobs.submit(wanted, reuse=True, expected_s=expected), PREPARE_S)
        if study.finished < len(runs):
            raise SystemExit(f"not prepared: {[(run.key, run.status) for run in runs]}")


@contextlib.contextmanager
def server(home: Path) -> Iterator[str]:
    """``kd-lab serve`` for a class, until the block ends; its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "kd_core.cli", "serve", "--port", str(port), "--people", "99"]
    env = {
        **os.environ,
        "KDLAB_HOME": str(home),
        "KDLAB_CLASS_CODE": CODE,
        "KDLAB_TEACHER_TOKEN": TOKEN,
    }
    with (home / "serve.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        until_up(address, process)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def until_up(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait for the server's first answer.

    Raises:
        SystemExit: The server has ended or does not answer.
    """
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).read()
            return
        except OSError:
            time.sleep(0.5)
    raise SystemExit("the server did not start")


def runs_of(home: Path) -> list[tuple[str, float, float | None]]:
    """State, start of waiting and end of each visitor's run."""
    from kd_core.study.rights import of_class
    from kd_core.study.store import Store

    store = Store(home)
    rows = [(run.status, run.created, run.ended) for run in store.runs() if of_class(run.owner)]
    store.close()
    return [(str(status), created, ended) for status, created, ended in rows]


def figures(
    visitors: int, seen: Seen, runs: list[tuple[str, float, float | None]]
) -> dict[str, Any]:
    """What the visitors met, as numbers.

    Args:
        visitors: How many came.
        seen: Their response times and faults.
        runs: Of each run its state, when it was asked for and when it ended.
    """
    done = [(created, ended) for status, created, ended in runs if status == "finished" and ended]
    first = min((created for _, created, _ in runs), default=0.0)
    every = seen.before_ms + seen.during_ms
    return {
        "visitors": visitors,
        "failed": len(seen.faults) + visitors - len(done),
        "faults": seen.faults,
        "keys_lost": seen.lost,
        "moves": len(every),
        "slider_p50_ms": quantile(every, 0.5),
        "slider_p95_ms": quantile(every, 0.95),
        "training_p50_ms": quantile(seen.during_ms, 0.5),
        "training_p95_ms": quantile(seen.during_ms, 0.95),
        "runs_finished": len(done),
        "wait_and_run_p50_s": quantile([ended - created for created, ended in done], 0.5),
        "last_run_s": round(max((ended - first for _, ended in done), default=0.0), 1),
        "cpu_s": {who: round(seconds, 1) for who, seconds in seen.cpu_s.items()},
    }


def quantile(values: list[float], share: float) -> float:
    """A quantile of measured values; 0 where there are none.

    >>> quantile([3.0, 1.0, 2.0], 0.5)
    2.0
    """
    if len(values) < 2:
        return round(values[0], 1) if values else 0.0
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return round(cuts[round(share * 100) - 1], 1)


if __name__ == "__main__":
    main()
