"""The visitors of a class as browsers: they come in, move sliders and start a run each."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from kd_core.jobs.worker import NICENESS
from kd_core.lessons.live import ALPHAS, TEMPERATURES

FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENT_MS = 240_000
REST_S = 2.0
LOST_MS, TRIES = 30_000, 3
BEHIND = NICENESS + 3  # half a run's share
START = ".st-key-try-start button:visible"
WHO = {"browsers": "chromium", "runs": "kd_core.jobs.worker", "server": "streamlit run"}
"""Who uses the processor, by a part of the command line."""


@dataclass(frozen=True)
class Place:
    """A slider and the picture that it moves, as CSS selectors."""

    slider: str
    picture: str


LESSON = Place(".st-key-temperature-T", ".st-key-learn-temperature-softened")
LIVE = Place(".st-key-try-alpha", ".st-key-try-map")

# The time from the key to the changed picture, without the slider itself, whose number moves at
# once. Looked at only when the page changes, which is cheap with many browsers.
WATCH = """
place => {
  const seen = () => JSON.stringify(
    [...document.querySelectorAll(place + ' .js-plotly-plot')].map(one =>
      [one.data.map(t => [t.x, t.y, t.z, t.text]), (one.layout || {}).shapes]));
  const before = seen();
  window.took = null;
  window.addEventListener('keydown', () => {
    const began = performance.now();
    new MutationObserver((_, watcher) => {
      if (seen() === before) return;
      watcher.disconnect();
      window.took = performance.now() - began;
    }).observe(document.body,
      {subtree: true, childList: true, attributes: true, characterData: true});
  }, {once: true, capture: true});
}
"""


@dataclass
class Seen:
    """What the visitors met.

    Attributes:
        before_ms: Slider responses before any live run was started.
        during_ms: Those while that visitor's run waited or ran.
        faults: What went wrong, by visitor.
        lost: Keys that a page took no notice of and that were pressed again.
        cpu_s: Processor seconds while the runs waited or ran, by who used them.
    """

    before_ms: list[float] = field(default_factory=list)
    during_ms: list[float] = field(default_factory=list)
    faults: dict[int, str] = field(default_factory=dict)
    lost: int = 0
    cpu_s: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """What the visitors do.

    Attributes:
        visitors: How many come.
        arrive_s: Seconds in which all come in.
        moves: Of the lesson's slider, by each visitor.
        pause_s: Mean time between two movements of one visitor.
        code: The class code.
    """

    visitors: int
    arrive_s: float
    moves: int
    pause_s: float
    code: str


@dataclass
class Visitor:
    """One browser with cookies of its own.

    Attributes:
        number: 1 for the first.
        page: The Playwright page.
    """

    number: int
    page: Any


async def visit(plan: Plan, address: str, seen: Seen) -> None:
    """All visitors, each with a browser context of their own, after one who warms the server.

    They come in one after another, then all move their sliders, then all start a run.
    """
    from playwright.async_api import async_playwright

    async with async_playwright() as play:
        path = shutil.which("chromium") or None
        browser = await play.chromium.launch(executable_path=path, args=FLAGS)
        _step_back(NICENESS)
        first, *people = [await visitor(browser, n) for n in range(plan.visitors + 1)]
        await noted(first, lambda one: enter(one, address, plan.code), 0.0, seen)
        await first.page.context.close()

        async def part(act: Callable[[Visitor], Awaitable[None]], gap_s: float) -> None:
            still = [one for one in people if one.number not in seen.faults]
            late = [noted(one, act, n * gap_s, seen) for n, one in enumerate(still)]
            await asyncio.gather(*late)

        gap_s = plan.arrive_s / plan.visitors
        await part(lambda one: enter(one, address, plan.code), gap_s)
        await part(lambda one: play_with(one, plan.moves, plan.pause_s, seen), 0.0)
        await part(lambda one: ready(one, address), gap_s)
        _step_back(BEHIND)
        clock = asyncio.create_task(watch_cpu(seen))
        await part(lambda one: trained(one, plan.pause_s, seen), 0.0)
        clock.cancel()
        await browser.close()


async def visitor(browser: Any, number: int) -> Visitor:
    """A browser with nothing stored."""
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    context.set_default_timeout(PATIENT_MS)
    return Visitor(number, await context.new_page())


async def noted(
    one: Visitor, act: Callable[[Visitor], Awaitable[None]], after_s: float, seen: Seen
) -> None:
    """One part of a visit; what goes wrong is noted and ends that visit."""
    from playwright.async_api import Error

    await asyncio.sleep(after_s)
    try:
        await act(one)
    except Error as error:
        seen.faults[one.number] = str(error).splitlines()[0][:200]
        if folder := os.environ.get("KDLAB_BENCH_SHOTS"):
            await one.page.screenshot(path=f"{folder}/visitor-{one.number}.png", full_page=True)


async def enter(one: Visitor, address: str, code: str) -> None:
    """By class code, to the lesson on the temperature."""
    page = one.page
    await page.goto(f"{address}/learn?lesson=temperature")
    await page.locator("input").nth(1).wait_for()
    await rest(page)  # nobody types in the first instants, while a page may be drawn once more
    await page.locator("input").nth(0).fill(code)
    await page.locator("input").nth(1).fill(f"V{os.getpid()} {one.number}")
    await page.locator('[data-testid="stFormSubmitButton"] button').click()
    await page.locator(f"{LESSON.picture} .js-plotly-plot").wait_for()
    await rest(page)


async def play_with(one: Visitor, moves: int, pause_s: float, seen: Seen) -> None:
    """Move the lesson's slider, looking at the picture for a while after each movement."""
    for move in range(moves):
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
        seen.before_ms.append(await moved(one.page, LESSON, move, seen))


async def ready(one: Visitor, address: str) -> None:
    """Open the part in which a run of one's own is started, with α and T of one's own."""
    alpha = ALPHAS[one.number % (len(ALPHAS) - 1)]
    T = TEMPERATURES[one.number % len(TEMPERATURES)]
    await one.page.goto(f"{address}/learn?lesson=live&try.alpha={alpha:g}&try.T={T:g}")
    await one.page.locator(START).first.wait_for()
    await rest(one.page)


async def trained(one: Visitor, pause_s: float, seen: Seen) -> None:
    """Start the run, and move a slider now and then until it is over."""
    page = one.page
    await page.locator(START).first.click()
    await page.locator(".st-key-try-stop, .st-key-try-board").first.wait_for()
    move = 0
    while not await page.locator(".st-key-try-board").count():
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.5))
        if await page.locator(".st-key-try-stop").count():
            seen.during_ms.append(await moved(page, LIVE, move, seen))
            move += 1


async def moved(page: Any, where: Place, move: int, seen: Seen) -> float:
    """Move a slider by one step, to and fro; milliseconds until its picture has changed.

    A key pressed while the page is being rebuilt may be lost: it is pressed again after
    ``LOST_MS``, which then are part of the time.
    """
    from playwright.async_api import TimeoutError as Late

    for tries in range(TRIES):
        await page.locator(where.slider).get_by_role("slider").focus()
        await page.evaluate(WATCH, where.picture)
        await page.keyboard.press("ArrowLeft" if move % 2 else "ArrowRight")
        try:
            took = await page.wait_for_function("window.took", polling=50, timeout=LOST_MS)
            return float(await took.json_value()) + tries * LOST_MS
        except Late:
            seen.lost += 1
            if tries == TRIES - 1:
                raise
    raise AssertionError("unreachable")


async def rest(page: Any) -> None:
    """Wait until nothing is being computed."""
    await page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    await asyncio.sleep(REST_S)


def _step_back(niceness: int) -> None:
    """Let others go before the browsers, which a class has on machines of its own."""
    for pid, (who, _) in _processes().items():
        if who == "browsers":
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/autogroup").write_text(str(niceness))


async def watch_cpu(seen: Seen) -> None:
    """Add up until cancelled what browsers, server and runs use, looking once a second."""
    used: dict[int, tuple[str, float]] = {}
    at_start = {pid: seconds for pid, (_, seconds) in _processes().items()}
    while True:
        used |= _processes()
        seen.cpu_s = dict.fromkeys(WHO, 0.0)
        for pid, (who, seconds) in used.items():
            seen.cpu_s[who] += seconds - at_start.get(pid, 0.0)
        await asyncio.sleep(1.0)


def _processes() -> dict[int, tuple[str, float]]:
    found = {}
    for process in psutil.process_iter(["cmdline", "cpu_times"]):
        words = " ".join(process.info["cmdline"] or [])
        who = next((who for who, word in WHO.items() if word in words), None)
        times = process.info["cpu_times"]
        if who is not None and times is not None:
            found[process.pid] = (who, times.user + times.system)
    return found
