"""A file that each student downloads and hands in: nothing of it is kept here."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

import streamlit as st

from app import class_board, learn_material, learn_quiz
from app.class_room import class_open
from app.services import services
from app.texts import say
from app.visitor import person
from kd_core.lessons import LESSONS
from kd_core.lessons.hand_in import Answer, HandIn, OwnRun
from kd_core.lessons.material import Material
from kd_core.study.rows import RunRow

MOST_RUNS = 50
SCORES = ("accuracy", "balanced_accuracy")


def show(lessons: Sequence[str], material: Material) -> None:
    """Two downloads, made when they are asked for: for a person and for a program."""
    place = st.popover(
        say("learn.hand_in"),
        icon=":material/assignment_turned_in:",
        key="learn-hand-in",
        on_change="rerun",
    )
    if not place.open:
        return
    with place:
        st.caption(say("learn.hand_in.about"))
        found = gather(lessons, material)
        st.download_button(
            say("learn.hand_in.text"),
            found.to_text(say),
            "kd-lab-hand-in.txt",
            "text/plain",
            icon=":material/description:",
        )
        st.download_button(
            say("learn.hand_in.json"),
            json.dumps(found.to_json(), indent=1, ensure_ascii=False),
            "kd-lab-hand-in.json",
            "application/json",
            icon=":material/data_object:",
        )


def gather(lessons: Sequence[str], material: Material) -> HandIn:
    """All that this visitor would hand in now."""
    me = person()
    return HandIn(
        nickname=me.nickname,
        study=material.name,
        answers=tuple(
            answer for name in lessons if name in LESSONS for answer in _answers(name, material)
        ),
        board=_board(me.id) if class_open() else None,
        runs=tuple(_own_runs()),
        made=time.time(),
    )


def _answers(lesson: str, material: Material) -> list[Answer]:
    kept = learn_quiz.answers(lesson)
    if not kept:
        return []
    if not LESSONS[lesson].fits(material):  # the lesson showed the sample instead, and asked of it
        material = learn_material.material_of()
        if not LESSONS[lesson].fits(material):
            return []
    found = []
    for question in learn_quiz.questions(lesson, material):
        given = kept.get(question.name)
        if given is None:
            continue
        read = given if question.kind == "number" else _choice(lesson, question, material, given)
        asked = learn_quiz.asked(lesson, question, material)
        right = learn_quiz.is_right(question, material, given)
        found.append(Answer(lesson, question.name, asked, read, right))
    return found


def _choice(lesson: str, question: Any, material: Material, given: str) -> str:
    if given not in question.choices:
        return given
    return learn_quiz.asked(lesson, question, material, given)


def _board(me: str) -> dict[str, Any] | None:
    mine = next((place for place in class_board.places() if place.person == me), None)
    if mine is None:
        return None
    return {"rank": mine.rank, "accuracy": mine.accuracy, "size": mine.size_bytes}


def _own_runs() -> list[OwnRun]:
    me, store = person(), services().store
    mine: list[RunRow] = [run for run in store.runs() if run.owner and me.owns(run.owner)]
    found = []
    for run in reversed(mine[:MOST_RUNS]):  # they come newest first
        models = store.models(run=run.id) if run.status == "finished" else []
        values = models[-1].values if models else {}
        scores = {n: value for n, value in values.items() if n in SCORES and value is not None}
        settings = store.settings(run.id).to_json()
        found.append(OwnRun(run.id, run.key, run.status, settings, scores))
    return found
