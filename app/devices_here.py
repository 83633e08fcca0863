"""The machine that runs the dashboard measures itself: start, follow, stop."""

from __future__ import annotations

import streamlit as st

from app.devices_choose import root
from app.services import services
from app.services_devices import may_measure, measure_here, stop_measuring
from app.texts import say, show_error
from kd_core.errors import KDLabError
from kd_core.latency.own_devices import THIS_MACHINE, own_devices
from kd_core.latency.own_evidence import read_evidence
from kd_core.study.calibration import State, state

POLL = "1s"


def show() -> None:
    """What it is, how far it is, and the button."""
    with st.container(border=True):
        st.subheader(say("devices.this"))
        st.markdown(say("devices.this.about"))
        now = state(root())
        if _process_lives() or (now.running and now.step is not None):
            _follow()
            return
        _ending(now)
        if not may_measure():
            st.info(say("devices.this.shared"))
            return
        if services().store.runs(status=("running",), limit=1):
            st.caption(say("devices.this.training"))
        if st.button(say("devices.this.start"), key="devices-calibrate", type="primary"):
            try:
                st.session_state["devices-process"] = measure_here()
            except KDLabError as error:
                show_error(error)
                return
            st.rerun()


@st.fragment(run_every=POLL)
def _follow() -> None:
    """Progress of the process, once a second; one full rerun when it has ended."""
    now = state(root())
    if not now.running and not _process_lives():
        st.rerun()
    if now.step is None or not now.running:
        st.progress(0.0, text=say("devices.this.starting"))
        return
    share = now.step.done / max(1, now.step.total)
    text = say(
        f"devices.this.{now.step.stage}",
        name=now.step.name,
        done=now.step.done,
        n=now.step.total,
    )
    st.progress(share, text=text)
    if may_measure() and st.button(say("devices.this.stop"), key="devices-stop"):
        stop_measuring()


def _process_lives() -> bool:
    process = st.session_state.get("devices-process")
    return process is not None and process.poll() is None


def _ending(now: State) -> None:
    """How the last one ended, and what is known by now."""
    if now.error is not None and now.error.code != "cancelled":
        show_error(now.error)
    known = len({row.model_sha256 for row in read_evidence(root(), THIS_MACHINE)})
    if known and THIS_MACHINE in own_devices(root()):
        st.success(say("devices.this.known", n=known), icon=":material/check_circle:")
