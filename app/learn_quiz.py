"""The questions of a lesson: an answer is explained at once and kept for the visit."""

from __future__ import annotations

import math
from collections.abc import MutableMapping
from typing import Any

import streamlit as st

from app import class_board
from app.class_room import class_open
from app.texts import guarded, number, say, show_error
from app.visitor import may
from kd_core.errors import KDLabError
from kd_core.lessons import LESSONS, Question
from kd_core.lessons.material import Material
from kd_core.text import Msg

POLL = "8s"
KEPT = "learn.answers"


def asked(lesson: str, question: Question, material: Material, part: str = "") -> str:
    """The text of a question, of one of its choices, or its explanation (``why``)."""
    end = f".{part}" if part else ""
    text_id = LESSONS.text_id(lesson, f"ask.{question.name}{end}")
    return say(Msg(text_id, dict(question.numbers(material))))


def questions(lesson: str, material: Material) -> list[Question]:
    """The questions that this study has an answer to."""
    return [
        question
        for question in LESSONS[lesson].questions
        if question.kind == "choice" or math.isfinite(float(question.answer(material)))
    ]


def answers(lesson: str) -> dict[str, str]:
    """This visitor's answers to the questions of a lesson."""
    kept = _kept()
    if lesson not in kept:
        kept[lesson] = class_board.my_answers(lesson) if class_open() else {}
    return kept[lesson]


def _kept() -> MutableMapping[str, dict[str, str]]:
    kept: MutableMapping[str, dict[str, str]] = st.session_state.setdefault(KEPT, {})
    return kept


@st.fragment
@guarded
def quiz(lesson: str, material: Material) -> None:
    """All questions of a lesson."""
    found = questions(lesson, material)
    if not found:
        return
    st.subheader(say("learn.quiz"))
    for question in found:
        with st.container(border=True):
            _ask(lesson, question, material)


def _ask(lesson: str, question: Question, material: Material) -> None:
    key = f"quiz-{lesson}-{question.name}"
    given = answers(lesson).get(question.name)
    change: dict[str, Any] = {"on_change": _keep, "args": (key, lesson, question, material)}
    text = asked(lesson, question, material)
    if question.kind == "choice":
        names = question.choices
        if key not in st.session_state and given in names:
            st.session_state[key] = given
        st.radio(
            text,
            names,
            index=None,
            key=key,
            format_func=lambda name: asked(lesson, question, material, name),
            **change,
        )
    else:
        if key not in st.session_state:
            st.session_state[key] = _number(given)
        label = f"{text} ({question.unit})" if question.unit else text
        st.number_input(label, step=None, format="%g", key=key, width=360, **change)
    value = st.session_state.get(key)
    if value is not None:
        _explain(lesson, question, material, value)
    problem = st.session_state.get(f"{key}-problem")
    if problem is not None:
        show_error(problem)


def _explain(lesson: str, question: Question, material: Material, value: Any) -> None:
    why = asked(lesson, question, material, "why")
    if is_right(question, material, value):
        st.success(f"{say('learn.quiz.right')} {why}", icon=":material/check:")
        return
    right = question.answer(material)
    if question.kind == "choice":
        said = asked(lesson, question, material, str(right))
    else:
        said = f"{number(float(f'{float(right):.4g}'), 'number')} {question.unit}".strip()
    told = say("learn.quiz.wrong", right=said)
    st.warning(f"{told} {why}", icon=":material/close:")


def is_right(question: Question, material: Material, given: Any) -> bool:
    """Whether an answer, kept as a text, is right."""
    value = given if question.kind == "choice" else _number(str(given))
    return value is not None and question.is_right(value, material)


def _number(given: str | None) -> float | None:
    try:
        return None if given is None else float(given)
    except ValueError:
        return None


def _keep(key: str, lesson: str, question: Question, material: Material) -> None:
    """Keep an answer for the visit, and for the class where there is one."""
    value = st.session_state.get(key)
    st.session_state.pop(f"{key}-problem", None)
    if value is None:
        return
    text = str(value) if question.kind == "choice" else f"{value:g}"
    answers(lesson)[question.name] = text
    if not class_open():
        return
    try:
        right = is_right(question, material, value)
        class_board.keep_answer(lesson, question.name, text, is_right=right)
    except KDLabError as error:
        st.session_state[f"{key}-problem"] = error


def counts(lesson: str, material: Material) -> None:
    """What the class answered, for the teacher; without who answered what."""
    if class_open() and may("board"):
        with st.expander(say("learn.quiz.counts"), icon=":material/groups:"):
            st.caption(say("learn.quiz.counts.about"))
            _counts(lesson, material)


@st.fragment(run_every=POLL)
@guarded
def _counts(lesson: str, material: Material) -> None:
    found = class_board.answer_counts(lesson)
    if not found:
        st.caption(say("learn.quiz.counts.none"))
        return
    for question in questions(lesson, material):
        mine = [count for count in found if count.question == question.name]
        if not mine:
            continue
        total = sum(count.n for count in mine)
        st.markdown(f"**{asked(lesson, question, material)}**")
        for count in mine[:8]:
            text = count.answer
            if question.kind == "choice" and text in question.choices:
                text = asked(lesson, question, material, text)
            mark = "✓ " if count.is_right else ""
            line = say("learn.quiz.count", answer=text, n=count.n, total=total)
            st.progress(count.n / total, text=mark + line)
