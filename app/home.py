"""The Home page: three ways in, a finished study as a live figure, the queue."""

from __future__ import annotations

import contextlib

import streamlit as st

from app import readings, results_views
from app.readings import Reading
from app.services import ask, services
from app.texts import number, say
from app.visitor import may_change
from kd_core.errors import JobError
from kd_core.study.cleanup import disk_usage
from kd_core.study.queue import Request
from kd_core.study.rows import ACTIVE, RunRow, StudyRow

COUNTED_S = 60
"""So long a count of the used disk is good for."""

WAYS = {
    "look": ("../pages/results.py", ":material/insights:"),
    "try": ("../pages/distil.py", ":material/school:"),
    "bring": ("../pages/data.py", ":material/dataset:"),
}


def ways_in() -> None:
    """Three cards: look at a result, make one, bring images."""
    for column, (name, (page, icon)) in zip(st.columns(3), WAYS.items(), strict=True):
        with column, st.container(border=True, height="stretch"):
            st.markdown(f"**{say(f'home.{name}')}**")
            st.caption(say(f"home.{name}.about"))
            st.page_link(page, label=say(f"home.{name}.go"), icon=icon)


def sample_study() -> None:
    """The newest finished study, or the embedded one, as a figure that can be touched."""
    studies = [study for study in services().store.studies() if study.finished]
    if not studies:
        st.info(say("home.no_study"))
        return
    shown: StudyRow = studies[-1]
    study, found = readings.read_study(shown.id)
    st.subheader(study.name)
    results_views.protocol(study)
    if services().store.record(found[0].run.id).data.synthetic:
        st.caption(say("data.synthetic"))
    reading = Reading(study, found, "val", readings.metric_names(found[0])[0])
    results_views.headline(reading)
    results_views.verdicts(reading)
    results_views.trade_off(reading)


def left_over() -> None:
    """Runs that an earlier server left behind: they go on by themselves, or wait to be asked."""
    store, began = services().store, services().began
    rows = store.runs(status=(*ACTIVE, "interrupted"))
    mine = [run for run in rows if run.created < began and may_change(run.owner)]
    going = [run for run in mine if run.status in ACTIVE]
    halted = [run for run in mine if run.status == "interrupted"]
    if not mine:
        return
    with st.container(border=True):
        st.markdown(say("home.left", going=len(going), halted=len(halted)))
        with st.container(horizontal=True):
            if halted and st.button(say("home.left.resume"), icon=":material/play_arrow:"):
                _ask_all(halted, "resume")
            if st.button(say("home.left.forget"), icon=":material/stop:"):
                _ask_all(mine, "cancel")


def _ask_all(runs: list[RunRow], what: Request) -> None:
    for run in runs:
        with contextlib.suppress(JobError):  # it ended meanwhile
            ask(run.id, what)
    st.rerun()


def queue() -> None:
    """What runs and waits, and the room that everything takes."""
    runs = services().store.runs(status=ACTIVE)
    st.subheader(say("home.queue"))
    if not runs:
        st.caption(say("home.queue.empty"))
    for run in runs[:30]:
        share = (run.done or 0) / run.total if run.total else 0.0
        st.progress(min(1.0, share), text=f"{run.key} · {say(f'status.{run.status}')}")
    st.caption(say("home.disk", used=number(_used_bytes(), "bytes")))


@st.cache_data(show_spinner=False, ttl=COUNTED_S)
def _used_bytes() -> int:
    """What all folders hold; counting looks at every file, so a class shares one count."""
    return sum(size for kind, size in disk_usage(services().store).items() if kind != "free")
