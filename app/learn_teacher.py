"""What the teacher sets for the class: order and visibility of lessons, controls, the study."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app import services_lessons
from app.class_room import class_open
from app.learn_view import chapters, control_names, text
from app.texts import say, show_error
from app.visitor import may
from kd_core.errors import KDLabError
from kd_core.lessons.plan import Plan, moved


def show(plan: Plan, studies: Mapping[str, str]) -> None:
    """The settings of the class, behind a button; nothing for who may not set them."""
    if not class_open() or not may("board"):
        return
    place = st.popover(
        say("learn.class"), icon=":material/tune:", key="learn-class", on_change="rerun"
    )
    if not place.open:
        return
    with place:
        st.caption(say("learn.class.about"))
        _study(plan, studies)
        for name in plan.lessons(chapters(), everything=True):
            _lesson(plan, name)


def _study(plan: Plan, studies: Mapping[str, str]) -> None:
    names = ["", *studies]
    st.selectbox(
        say("learn.class.study"),
        names,
        index=names.index(plan.study) if plan.study in names else 0,
        format_func=lambda key: studies.get(key, say("learn.sample")),
        key="learn-class-study",
        on_change=_set_study,
        args=(plan,),
    )


def _lesson(plan: Plan, name: str) -> None:
    order = plan.lessons(chapters(), everything=True)
    title = text(name, "title")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for by, icon, word in ((-1, "arrow_upward", "earlier"), (1, "arrow_downward", "later")):
            st.button(
                "",
                icon=f":material/{icon}:",
                help=say(f"learn.class.{word}", lesson=title),
                key=f"learn-class-{word}-{name}",
                type="tertiary",
                on_click=_save,
                args=(plan.change(order=moved(order, name, by)),),
                disabled=order[0 if by < 0 else -1] == name,
            )
        st.checkbox(
            title,
            value=name not in plan.hidden,
            key=f"learn-class-show-{name}",
            on_change=_set_shown,
            args=(plan, name),
        )
    controls = control_names(name)
    if controls and name not in plan.hidden:
        st.pills(
            say("learn.class.controls", lesson=title),
            list(controls),
            selection_mode="multi",
            default=[c for c in controls if c not in plan.hidden_controls(name)],
            format_func=lambda control: controls[control],
            key=f"learn-class-controls-{name}",
            label_visibility="collapsed",
            on_change=_set_controls,
            args=(plan, name),
        )


def _set_study(plan: Plan) -> None:
    _save(plan.change(study=st.session_state["learn-class-study"]))


def _set_shown(plan: Plan, name: str) -> None:
    shown = st.session_state[f"learn-class-show-{name}"]
    hidden = [other for other in plan.hidden if other != name]
    _save(plan.change(hidden=(*hidden, *([] if shown else [name]))))


def _set_controls(plan: Plan, name: str) -> None:
    shown = st.session_state[f"learn-class-controls-{name}"]
    others = [control for control in plan.controls if control.partition(".")[0] != name]
    hidden = [f"{name}.{control}" for control in control_names(name) if control not in shown]
    _save(plan.change(controls=(*others, *hidden)))


def _save(plan: Plan) -> None:
    try:
        services_lessons.set_lesson_plan(plan)
    except KDLabError as error:
        show_error(error)
