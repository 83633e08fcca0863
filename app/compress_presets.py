"""Questions with one click: distilled against pruned against quantised, and the order of steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from app.services import services, submit
from app.texts import say, show_error
from kd_core.compress.presets import RECIPE, orders, three_ways
from kd_core.config import Chain, TrainSettings
from kd_core.errors import KDLabError
from kd_core.study.compress_plan import plan
from kd_core.study.results import Result
from kd_core.study.rows import StudyRow

QUESTIONS: dict[str, Callable[[str, TrainSettings], tuple[Chain, ...]]] = {
    "three_ways": three_ways,
    "orders": orders,
}


def show(study: StudyRow, choices: Mapping[str, Sequence[Result]]) -> None:
    """One button a question, with the epochs that each chain trains."""
    students = [arm for arm, group in choices.items() if group[0].model.role == "student"]
    if not students or not {"teacher", "baseline"} <= set(choices):
        st.caption(say("compress.question.needs"))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        epochs = st.number_input(
            say("compress.question.epochs"), 1, 200, RECIPE.epochs, key="question-epochs", width=160
        )
        for name, chains in QUESTIONS.items():
            st.button(
                say(f"compress.question.{name}"),
                help=say(f"compress.question.{name}.help"),
                key=f"question-{name}",
                on_click=_start,
                args=(study, name, chains(students[0], RECIPE.change(epochs=int(epochs)))),
            )
    problem = st.session_state.pop("question-problem", None)
    if problem is not None:
        show_error(problem)


def _start(study: StudyRow, name: str, chains: Sequence[Chain]) -> None:
    title = f"{study.name} · {say(f'compress.question.{name}')}"
    try:
        made = plan(services().store, study.id, chains, name=title)
        started = submit(made.study, reuse=True, runs=made.runs)
    except KDLabError as error:
        st.session_state["question-problem"] = error
        return
    st.session_state["study"] = started
    st.query_params["study"] = started
    st.query_params["follow"] = "1"
