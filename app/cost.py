"""The cost estimate before a start."""

from __future__ import annotations

import threading

import streamlit as st

from app.services import services
from app.texts import say, show_error
from kd_core.config import StudySettings
from kd_core.errors import KDLabError
from kd_core.study.cost import Cost, Workload, estimate_aside
from kd_core.study.graph import expand
from kd_core.tasks import TASKS

ONE_BY_ONE = threading.Lock()
"""Each estimate is a process with torch in it, and times networks: two at once would slow each
other, and those of a whole class would not fit into memory."""


@st.cache_data(show_spinner=False, max_entries=200)
def _estimate(study: StudySettings, work: Workload) -> Cost:
    with ONE_BY_ONE:
        return estimate_aside(study, work)


def show_cost(study: StudySettings, key: str = "cost") -> Cost | None:
    """Expected time, measured with a few steps when asked for; the queue uses it too.

    Args:
        study: What would run.
        key: Of the button; one page may ask for several studies.
    """
    data = services().library.get(study.data.dataset)
    work = Workload(
        n_train=data.part_sizes["train"],
        channels=data.channels,
        outputs=TASKS[data.task].n_outputs(data.classes),
    )
    known = st.session_state.get(f"{key}-of")
    anonymous = study.change(name="cost", margin=0.0)
    if study.teacher.run:  # it is not trained, but it answers
        model = services().store.record(study.teacher.run).settings.model
        anonymous = anonymous.change(teacher=study.teacher.change(model=model))
    if known != anonymous:
        if not st.button(say("distil.cost.ask"), icon=":material/timer:", width="stretch", key=key):
            return None
        st.session_state[f"{key}-of"] = anonymous
    try:
        with st.spinner(say("distil.cost.wait")):
            cost = _estimate(anonymous, work)
    except KDLabError as error:
        show_error(error)
        return None
    st.markdown(f"**{say('distil.cost', total=cost.total_s)}**")
    st.caption(
        say(
            "distil.cost.detail",
            n=len(expand(study)),
            teacher=cost.teacher_s,
            student=cost.student_s,
        )
    )
    return cost
