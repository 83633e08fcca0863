"""Compare methods: a list of them on one pair of networks, as one study."""

from __future__ import annotations

import streamlit as st

from app.cost import show_cost
from app.form import Form
from app.services import submit
from app.texts import say, show_error
from kd_core.config import StudySettings
from kd_core.errors import KDLabError
from kd_core.study.methods import comparison, methods, proposal
from kd_core.train.modes import MODES

FEWEST_SEEDS = 3
MOST_PEERS = max(mode.peers[1] for _, mode in MODES.items())


def controls(form: Form, place: int, task: str) -> None:
    """The list, the seeds, the expected time, the start."""
    st.caption(say("distil.compare.about"))
    known = methods(task, len(form.document["arms"][place]["distil"]["peers"]))
    key = f"compare-methods-{task}"
    kept = st.session_state.get(key, proposal(task))
    st.session_state[key] = [name for name in kept if name in known]
    chosen = st.multiselect(
        say("distil.compare.methods"),
        known,
        key=key,
        persist_state="session",
        format_func=lambda name: say(f"{name}.title"),
        help=say("distil.compare.methods.help"),
    )
    if lacking := [name for name in methods(task, MOST_PEERS) if name not in known]:
        st.caption(say("distil.compare.peers", names=[say(f"{name}.title") for name in lacking]))
    left, right = st.columns([1, 3], vertical_alignment="bottom")
    with left:
        n = st.number_input(
            say("distil.seeds"),
            1,
            20,
            FEWEST_SEEDS,
            key="compare-seeds",
            persist_state="session",
            help=say("distil.seeds.help"),
        )
    with right:
        st.caption(
            say("distil.compare.runs", methods=len(chosen), seeds=n, n=(len(chosen) + 1) * n)
        )
    if not chosen:
        return
    try:
        study = _study(form, place, chosen, int(n))
        cost = show_cost(study, key="compare")
        if st.button(say("distil.compare.start"), key="compare-start", type="primary"):
            _start(study, cost.runs if cost else None)
    except KDLabError as error:
        show_error(error)


def _study(form: Form, place: int, chosen: list[str], n: int) -> StudySettings:
    """The form's study, with the chosen arm's α, T and views, and one arm a method."""
    study = StudySettings.from_json(form.document)
    study = study.change(arms=(study.arms[place],))
    return comparison(study, chosen, range(n), say("distil.compare.name", name=study.name)[:120])


def _start(study: StudySettings, expected_s: dict[str, float] | None) -> None:
    st.session_state["study"] = submit(study, reuse=True, expected_s=expected_s)
    st.query_params["study"] = st.session_state["study"]
    st.rerun()
