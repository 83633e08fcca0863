"""What a model takes on a device: estimated when it is read, with its band and how it was found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from app.demo_models import Contender
from app.services import services
from app.texts import say
from kd_core.errors import ExportError
from kd_core.latency.devices import all_devices, device_title
from kd_core.latency.estimate import Estimate, Target, estimate
from kd_core.latency.own_evidence import load_evidence
from kd_core.latency.work import Work, work_of

DEFAULT = "raspberry_pi_4"


def choose_device() -> str:
    """The device that the last column is about."""
    devices = all_devices(services().store.home.root)
    if st.session_state.get("demo-device") not in devices:
        st.session_state["demo-device"] = DEFAULT if DEFAULT in devices else next(iter(devices))
    chosen: str = st.selectbox(
        say("demo.device"),
        list(devices),
        key="demo-device",
        persist_state="session",
        format_func=lambda name: say(device_title(name, devices[name])),
        width=360,
    )
    return chosen


def on_device(contender: Contender, device: str) -> str:
    """The expected time with its band and tier; a dash where none can be told."""
    found = _estimated(contender, device)
    if isinstance(found, ExportError):
        return "–"
    low, high = found.low_ms, found.high_ms
    return say("demo.estimate", ms=found.latency_ms, low=low, high=high, tier=found.tier)


def about(models: Sequence[Contender], device: str) -> None:
    """How the estimates were found, or why there is none; each sentence once."""
    said: dict[str, None] = {}
    for contender in models:
        found = _estimated(contender, device)
        why = (found.msg,) if isinstance(found, ExportError) else found.why
        said |= dict.fromkeys(say(message) for message in why)
    st.caption(" ".join([*said, say("demo.estimate.about")]))


def _estimated(contender: Contender, device: str) -> Estimate | ExportError:
    root = services().store.home.root
    try:
        work = _work(contender.sha256, str(contender.file))
        known = load_evidence(root, device)
        return estimate(work, Target(device), known, all_devices(root))
    except ExportError as error:
        return error


@st.cache_data(show_spinner=False, max_entries=100)
def _work(sha256: str, path: str) -> Work:
    return work_of(Path(path))
