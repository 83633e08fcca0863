"""Getting ready before anybody asks: what pages need is read while the first one is looked at.

Importing what reads slides, draws cells and computes lessons takes seconds of a core. A thread does
it once, a little after the server's first page, in small pieces. What is then in memory stays for
good, so the search for unreachable objects, which Streamlit asks for after every rerun of a page,
need not walk through it any more: with torch imported it took more time than the page itself.
"""

from __future__ import annotations

import gc
import importlib
import threading
import time

from streamlit import runtime

MODULES = (
    "pandas",
    "plotly.graph_objects",
    "torchvision",
    "kd_core.slides",
    "app.demo_field",
    "kd_core.lessons",
    "app.learn_view",
    "app.learn_try",
)
AFTER_S = 4.0
"""So that the first page, which imports things of its own, is there before."""


def begin() -> None:
    """Start the thread; nothing happens without a server, as in tests of single pages."""
    if runtime.exists():
        threading.Thread(target=get_ready, name="warm", daemon=True).start()


def get_ready(after_s: float = AFTER_S) -> None:
    """Import the modules one by one, with a pause for the others' work; then leave them be."""
    time.sleep(after_s)
    for name in MODULES:
        importlib.import_module(name)
        time.sleep(0.05)
    gc.collect()
    gc.freeze()
