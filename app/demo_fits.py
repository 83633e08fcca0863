"""What usual images look like to a teacher: fitted in the background, once for all visitors.

The first fit of a teacher reads thousands of images, so no page waits for it.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.demo_choose import Chosen
from app.demo_models import Contender, places
from app.services import services
from kd_core.config import DataSettings
from kd_core.errors import DataError, ExportError
from kd_core.explain.familiar import Familiarity, Features
from kd_core.explain.familiar_cache import load_or_fit
from kd_core.explain.penultimate import Penultimate
from kd_core.study.pipeline import load_data
from kd_core.text import Msg

PAUSE_S = 0.02
"""Between two batches of a fit, so that a visitor who waits for a place gets it."""


@dataclass(eq=False)
class Fitting:
    """A fit that is being made, or that is there.

    Attributes:
        done: Images so far.
        total: Images in all.
        made: The fit, when it is there.
        problem: Why there will be none.
    """

    done: int = 0
    total: int = 1
    made: Familiarity | None = None
    problem: Msg | None = None

    @property
    def going(self) -> bool:
        """Whether it is still being made."""
        return self.made is None and self.problem is None


def fitting(chosen: Chosen) -> Fitting:
    """The fit of the teacher that was chosen; begun now where nobody asked for it before."""
    known, name = _fittings(), chosen.teacher.sha256
    with _LOCK:
        if name not in known:
            known[name] = Fitting()
            settings, root = chosen.record.settings.data, services().store.home.root
            start(known[name], settings, root, name, _polite(features(chosen.teacher)))
    return known[name]


def start(found: Fitting, *work: object) -> None:
    """Make a fit on a thread that does not keep the server alive."""
    threading.Thread(target=make, args=(found, *work), name="familiar", daemon=True).start()


def make(found: Fitting, settings: DataSettings, root: Path, sha256: str, asked: Features) -> None:
    """Make a fit, or note why there is none."""

    def tick(done: int, total: int) -> None:
        found.done, found.total = done, total

    try:
        data = load_data(settings, root)
        found.made = load_or_fit(data, asked, sha256, root / "cache", tick)
    except (DataError, ExportError) as error:
        found.problem = error.msg


def _polite(asked: Features) -> Features:
    """The same, taking turns with whoever computes on a page."""
    turns = places()

    def wait_then_ask(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        with turns:
            found = asked(images)
        time.sleep(PAUSE_S)  # a semaphore is not fair: else this thread takes its place again
        return found

    return wait_then_ask


_LOCK = threading.Lock()


@st.cache_resource(show_spinner=False)
def _fittings() -> dict[str, Fitting]:
    """By teacher; each is a few hundred kB at most, and there are few teachers."""
    return {}


@st.cache_resource(
    show_spinner=False, max_entries=8, hash_funcs={Contender: lambda one: one.sha256}
)
def features(contender: Contender) -> Penultimate:
    """What a model's last layer but one says of images."""
    return Penultimate(contender.file)
