"""Getting ready before anybody asks: what the Demo needs is read while the first page is looked at.

Importing what reads slides and draws cells takes seconds of a core, and so does opening the first
model. A thread does it once, a little after the server's first page, in small pieces.
"""

from __future__ import annotations

import importlib
import threading
import time

from streamlit import runtime

MODULES = ("pandas", "plotly.graph_objects", "torchvision", "kd_core.slides", "app.demo_field")
AFTER_S = 4.0
"""So that the first page, which imports things of its own, is there before."""


def begin() -> None:
    """Start the thread; nothing happens without a server, as in tests of single pages."""
    if runtime.exists():
        threading.Thread(target=get_ready, name="warm", daemon=True).start()


def get_ready(after_s: float = AFTER_S) -> None:
    """Import the modules one by one, with a pause for the others' work between them."""
    time.sleep(after_s)
    for name in MODULES:
        importlib.import_module(name)
        time.sleep(0.05)
