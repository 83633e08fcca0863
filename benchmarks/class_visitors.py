"""A class in one room: how quick a slider is, and when the last live run is finished.

``python -m benchmarks.class_visitors --visitors 30 --json``

A home of its own is prepared as for a class (the teacher's answers and the student alone are
stored), ``kd-lab serve`` is started on loopback, and so many browser connections come in by class
code within ``--arrive`` seconds. Each opens a lesson and moves its slider, then starts a live run
with α and T of their own and goes on moving sliders until the run is over. A response is the time
from the key to the changed figure or number on the page, in the visitor's browser; all browsers
run on the same machine, so their own work is part of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kd_core.lessons.live import ALPHAS, EXPECTED_S, TEMPERATURES, live_study

ROOT = Path(__file__).parent.parent
CODE, TOKEN = "heron-7", "grey-heron-77"
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENT_MS = 240_000
PREPARE_S = 900.0
PAUSE_S = 2.0
"""Between two movements of a slider by one person."""

AIMS = {"failed": 0, "last_run_s": 180.0}

# What a movement may change, without the slider itself, whose own number moves at once.
WATCH = """
() => {
  const seen = () => [...document.querySelectorAll(
      '[data-testid="stMetricValue"], [data-testid="stMarkdown"], .js-plotly-plot')]
    .map(one => one.data ? JSON.stringify([
        one.data.map(t => [t.x, t.y, t.z, t.text]), (one.layout || {}).shapes]) : one.innerText)
    .join('|');
  const before = seen();
  window.took = null;
  window.addEventListener('keydown', () => {
    const began = performance.now();
    const look = () => {
      if (seen() !== before) window.took = performance.now() - began;
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  }, {once: true, capture: true});
}
"""


@dataclass
class Seen:
    """What the visitors met.

    Attributes:
        before_ms: Slider responses before any live run was started by that visitor.
        during_ms: Those while that visitor's run waited or ran.
        faults: What went wrong, by visitor.
    """

    before_ms: list[float] = field(default_factory=list)
    during_ms: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def main() -> None:
    """Measure, print, and end with status 1 when an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.class_visitors")
    parser.add_argument("--visitors", type=int, default=30)
    parser.add_argument("--arrive", type=float, default=30.0, help="seconds in which all come in")
    parser.add_argument("--moves", type=int, default=5, help="of the lesson's slider, each visitor")
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
    seen = Seen()
    with server(home) as address:
        asyncio.run(visit(options, address, seen))
    return {"prepare_s": round(prepared_s, 1), **figures(options.visitors, seen, runs_of(home))}


def prepare(home: Path) -> None:
    """One start as a visitor's: it leaves the teacher's answers and the student alone in the home.

    Raises:
        SystemExit: It did not finish in time.
    """
    from contextlib import closing

    from kd_core.jobs import connect
    from kd_core.lessons.open import open_material
    from kd_core.study.graph import expand

    with closing(connect(home)) as jobs:
        wanted = live_study(open_material(jobs.store), 0.3, 4.0)
        expected = {run.key: EXPECTED_S for run in expand(wanted)}
        study, runs = jobs.wait(jobs.submit(wanted, reuse=True, expected_s=expected), PREPARE_S)
        if study.finished < len(runs):
            raise SystemExit(f"not prepared: {[(run.key, run.status) for run in runs]}")


@contextmanager
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


async def visit(options: argparse.Namespace, address: str, seen: Seen) -> None:
    """All visitors, each with a browser context of their own, after one who warms the server."""
    from playwright.async_api import async_playwright

    async with async_playwright() as play:
        path = shutil.which("chromium") or None
        browser = await play.chromium.launch(executable_path=path, args=FLAGS)
        await one(browser, address, 0, 0.0, 1, Seen(), train=False)
        gap = options.arrive / max(1, options.visitors)
        people = [
            one(browser, address, n + 1, n * gap, options.moves, seen)
            for n in range(options.visitors)
        ]
        await asyncio.gather(*people)
        await browser.close()


async def one(
    browser: Any,
    address: str,
    number: int,
    after_s: float,
    moves: int,
    seen: Seen,
    train: bool = True,
) -> None:
    """One visitor, from the class code to the result of their own run."""
    from playwright.async_api import Error

    await asyncio.sleep(after_s)
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENT_MS)
    page = await context.new_page()
    try:
        await page.goto(f"{address}/learn?lesson=temperature")
        await page.locator("input").nth(0).fill(CODE)
        await page.locator("input").nth(1).fill(f"V{os.getpid()} {number}")
        await page.locator('[data-testid="stFormSubmitButton"] button').click()
        await page.locator(".js-plotly-plot").first.wait_for()
        await rest(page)
        for move in range(moves):
            seen.before_ms.append(await moved(page, move))
        if train:
            await trained(page, address, number, seen)
    except Error as error:
        seen.faults.append(f"visitor {number}: {str(error).splitlines()[0][:200]}")
        if folder := os.environ.get("KDLAB_BENCH_SHOTS"):
            await page.screenshot(path=f"{folder}/visitor-{number}.png", full_page=True)
    finally:
        await context.close()


async def trained(page: Any, address: str, number: int, seen: Seen) -> None:
    """Start a run with α and T of one's own, and move sliders until it is over."""
    alpha = ALPHAS[number % (len(ALPHAS) - 1)]
    T = TEMPERATURES[number % len(TEMPERATURES)]
    await page.goto(f"{address}/learn?lesson=live&try.alpha={alpha:g}&try.T={T:g}")
    start = page.locator(".st-key-try-start button:visible").first
    await start.wait_for()
    await rest(page)
    await start.click()
    await page.locator(".st-key-try-stop, .st-key-try-board").first.wait_for()
    move = 0
    while not await page.locator(".st-key-try-board").count():
        seen.during_ms.append(await moved(page, move))
        move += 1
        await asyncio.sleep(PAUSE_S)


async def moved(page: Any, move: int) -> float:
    """Move the first slider by one step, to and fro; milliseconds until the page has changed."""
    await page.get_by_role("slider").first.focus()
    await page.evaluate(WATCH)
    await page.keyboard.press("ArrowLeft" if move % 2 else "ArrowRight")
    took = await page.wait_for_function("() => window.took")
    return float(await took.json_value())


async def rest(page: Any) -> None:
    """Wait until nothing is being computed."""
    await page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    await asyncio.sleep(PAUSE_S)


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
        "moves": len(every),
        "slider_p50_ms": quantile(every, 0.5),
        "slider_p95_ms": quantile(every, 0.95),
        "training_p50_ms": quantile(seen.during_ms, 0.5),
        "training_p95_ms": quantile(seen.during_ms, 0.95),
        "runs_finished": len(done),
        "wait_and_run_p50_s": quantile([ended - created for created, ended in done], 0.5),
        "last_run_s": round(max((ended - first for _, ended in done), default=0.0), 1),
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
