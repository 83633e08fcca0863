"""How quick the Trade-offs page is with many runs, seen from a browser.

``python -m benchmarks.results_page --runs 10000 --json``

A home with synthetic runs, the dashboard, and a server with an empty page are made; Chromium then
moves a slider, comes to the page from another one, reloads it, and reloads the empty page, in
turns, so that other work on the machine slows all of them alike. A time ends when the script has
finished and the figure and its caption are on the screen. ``reload_ratio`` is the p95 of the
reload over the p95 of the empty page's.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.synthetic_store import make_home

ROOT = Path(__file__).parent.parent
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PATIENT_MS, SETTLED_MS = 240_000, 1_500
MOST_STEPS = 40
REST_S = 1.0  # between two actions, as with a person: a page has things to put away
AIMS = {"slider_p95_ms": 500, "navigation_p95_ms": 800, "reload_ratio": 1.5}
DEVICE = "raspberry_pi_4"

# Counts the starts of the page's script, so that a wait ends although nothing looks different.
COUNT = """
window.starts = 0;
new MutationObserver(seen => seen.forEach(one => {
  if (one.target.dataset.testScriptState === 'running') window.starts += 1;
})).observe(document, {
  subtree: true, attributes: true, attributeFilter: ["data-test-script-state"],
});
"""

# What the figure shows, as text; null where there is none.
SHOWN = """
() => {
  const plot = document.querySelector('.js-plotly-plot');
  if (!plot || !plot.data || !plot._fullLayout) return null;
  return JSON.stringify(plot.data.map(t => [t.name, t.x.length, t.x[0], t.y[t.y.length - 1]]));
}
"""

# Waits, frame by frame, until the script has run since and the figure is on the screen: another
# one than before, or the same where the script has been idle for a while.
READY = """
async ([before, starts, patient, settled]) => {
  const shown = SHOWN;
  const frame = () => new Promise(r => requestAnimationFrame(r));
  const began = performance.now();
  let idle = null;
  while (performance.now() - began < patient) {
    const app = document.querySelector('[data-testid=stApp]');
    const still = app && app.dataset.testScriptState === 'notRunning';
    const now = still ? shown() : null;
    // a busy browser may draw a short run's start and end at once: then the figure tells
    const ran = still && (window.starts > starts || (now !== null && now !== before));
    idle = ran ? (idle || performance.now()) : null;
    if (now !== null && now !== before) {
      await frame();
      await frame();
      return [performance.now(), true];
    }
    if (ran && now !== null && performance.now() - idle > settled) return [idle, false];
    await frame();
  }
  throw new Error('never ready: ' + JSON.stringify({
    starts: [starts, window.starts],
    state: (document.querySelector('[data-testid=stApp]') || {dataset: {}}).dataset,
    shown: shown(), before: before,
    text: document.body.innerText.slice(0, 2000),
  }));
}
""".replace("SHOWN", SHOWN.strip())


def main() -> None:
    """Measure, print, and end with status 1 when an aim is missed."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(options, Path(folder))
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:24} {value}")
    sys.exit(any(figures[name] > aim for name, aim in AIMS.items()))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.results_page")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--home", help="a home that an earlier call left, or where to leave it")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--repeats", type=int, default=20, help="of each of the four")
    return parser.parse_args()


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Milliseconds of each kind, p50 and p95."""
    from playwright.sync_api import sync_playwright

    began = time.perf_counter()
    home = Path(options.home) if options.home else folder / "home"
    if not (home / "store.sqlite").exists():
        make_home(home, options.runs)
    made_s = time.perf_counter() - began
    empty = folder / "empty.py"
    empty.write_text("import streamlit as st\nst.title('Empty')\n")
    times: dict[str, list[float]] = {k: [] for k in ("slider", "navigation", "reload", "empty")}
    with (
        _server(ROOT / "app" / "main.py", home) as address,
        _server(empty, home) as blank,
        sync_playwright() as playwright,
    ):
        chromium = shutil.which("chromium") or "/usr/bin/chromium"
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        page, other = (_new_page(browser) for _ in range(2))
        other.goto(blank)
        other.wait_for_selector("h1")
        page.goto(f"{address}/tradeoffs?device={DEVICE}")
        first = time.perf_counter()
        _ready(page)
        first_s = time.perf_counter() - first
        _find_step(page)
        for turn in range(options.repeats + 2):
            found = {
                "slider": _slider(page, turn),  # an address keeps the place over what follows
                "navigation": _after_rest(_navigation, page),
                "reload": _after_rest(_reload, page),
                "empty": _after_rest(_reload_empty, other),
            }
            time.sleep(REST_S)
            if turn >= 2:  # the first two turns warm caches up
                for name, value in found.items():
                    times[name].append(value)
        browser.close()
    return _figures(options.runs, times, made_s, first_s)


def _figures(
    runs: int, times: dict[str, list[float]], made_s: float, first_s: float
) -> dict[str, Any]:
    figures: dict[str, Any] = {
        "runs": runs,
        "repeats": len(times["slider"]),
        "made_s": round(made_s, 1),
        "first_visit_s": round(first_s, 2),
    }
    for name, found in times.items():
        p50, p95 = np.percentile(found, [50, 95])
        figures |= {f"{name}_p50_ms": round(p50), f"{name}_p95_ms": round(p95)}
    figures["reload_ratio"] = round(figures["reload_p95_ms"] / figures["empty_p95_ms"], 2)
    figures["aims"] = AIMS
    return figures


def _new_page(browser: Any) -> Any:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    context.add_init_script(COUNT)
    page = context.new_page()
    page.set_default_timeout(PATIENT_MS)
    return page


def _ready(page: Any, before: str = "", starts: int = -1) -> tuple[float, bool]:
    """When the page was ready, on its own clock, and whether its figure is another one."""
    when, changed = page.evaluate(READY, [before, starts, PATIENT_MS, SETTLED_MS])
    return float(when), bool(changed)


def _after_rest(act: Callable[[Any], float], page: Any) -> float:
    time.sleep(REST_S)
    return act(page)


def _starts(page: Any) -> int:
    return int(page.evaluate("() => window.starts"))


def _now(page: Any) -> float:
    return float(page.evaluate("() => performance.now()"))


def _press(page: Any, key: str) -> tuple[float, bool]:
    """Milliseconds of one step of the slider of sizes, and whether the figure changed."""
    page.get_by_role("slider").nth(1).focus()
    before, starts, began = page.evaluate(SHOWN), _starts(page), _now(page)
    page.keyboard.press(key)
    when, changed = _ready(page, before, starts)
    return when - began, changed


def _find_step(page: Any) -> None:
    """Move the slider of sizes from its end to the first place that leaves models out."""
    for _ in range(MOST_STEPS):
        if _press(page, "ArrowLeft")[1]:
            return
    raise RuntimeError("no place of the slider changes the figure")


def _slider(page: Any, turn: int) -> float:
    """One place to the right or back to the left, over a place at which the figure changes."""
    took, changed = _press(page, "ArrowLeft" if turn % 2 else "ArrowRight")
    if not changed:
        raise RuntimeError("the step of the slider left the figure as it was")
    return took


def _navigation(page: Any) -> float:
    """From the Data page by a click on the sidebar."""
    links = page.get_by_test_id("stSidebarNav")
    links.get_by_role("link", name="Data", exact=True).click()
    page.wait_for_selector("h1:has-text('Data')")
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState"
        " === 'notRunning' && !document.querySelector('.js-plotly-plot')"
    )
    began = _now(page)
    links.get_by_role("link", name="Trade-offs", exact=True).click()
    # no figure stood on the page before: its being there shows that the script has started
    return _ready(page, "")[0] - began


def _reload(page: Any) -> float:
    began = time.perf_counter()
    page.reload(wait_until="commit")
    page.wait_for_selector(".js-plotly-plot")
    _ready(page)
    return (time.perf_counter() - began) * 1e3


def _reload_empty(page: Any) -> float:
    began = time.perf_counter()
    page.reload(wait_until="commit")
    page.wait_for_selector("h1")
    page.wait_for_function(
        "() => document.querySelector('[data-testid=stApp]').dataset.testScriptState"
        " === 'notRunning'"
    )
    return (time.perf_counter() - began) * 1e3


@contextlib.contextmanager
def _server(script: Path, home: Path) -> Iterator[str]:
    """A Streamlit server of its own on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = {**os.environ, "KDLAB_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [
        sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port),
        "--server.headless", "true", "--browser.gatherUsageStats", "false",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{address}/_stcore/health", timeout=5).close()
                break
            time.sleep(0.2)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)


if __name__ == "__main__":
    main()
