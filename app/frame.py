"""What stands around every page: the queue, the device, the language, the parts of the address."""

from __future__ import annotations

import streamlit as st

from app.services import services
from app.texts import language_switch, say
from kd_core.repro import device_report
from kd_core.study.rows import ACTIVE

CARRIED = ("study", "run", "model")
"""Parameters of the address that a page change would drop; the session remembers them."""


def carry_address() -> None:
    """Keep the study and the run in the address over page changes, and take them from it."""
    for name in CARRIED:
        in_address = st.query_params.get(name)
        if in_address:
            st.session_state[name] = in_address
        elif st.session_state.get(name):
            st.query_params[name] = st.session_state[name]


def sidebar() -> None:
    """Queue, device and language."""
    with st.sidebar:
        active = services().store.runs(status=ACTIVE)
        running = sum(run.status == "running" for run in active)
        st.caption(say("frame.queue", running=running, waiting=len(active) - running))
        _device()
        language_switch()


@st.cache_data(show_spinner=False)
def _report() -> tuple[object, object]:
    report = device_report()
    return report.msg, report.problem


def _device() -> None:
    used, problem = _report()
    st.caption(say(used))  # type: ignore[arg-type]
    if problem is not None:
        st.warning(say(problem), icon=":material/warning:")  # type: ignore[arg-type]
