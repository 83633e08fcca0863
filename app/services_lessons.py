"""Lessons as a service: the teacher's plan, and making what a lesson needs, one at a time."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from app.class_room import class_open, room
from app.services import services
from app.visitor import allowed
from kd_core.errors import JobError, KDLabError
from kd_core.lessons.aside import make_aside
from kd_core.lessons.material import MATERIALS
from kd_core.lessons.plan import SETTING, Plan, plan_of


@dataclass(frozen=True)
class Making:
    """A material that is being made, or was.

    Attributes:
        study: Id of the study; empty for the embedded one.
        name: Entry of ``MATERIALS``.
        done: How far it is.
        total: Of how much; 0 before it says so.
        ended: Whether it is over.
        error: What went wrong.
    """

    study: str
    name: str
    done: int = 0
    total: int = 0
    ended: bool = False
    error: KDLabError | None = None


class Maker:
    """Makes one material at a time in a process of its own; a thread listens to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.now: Making | None = None

    def start(self, home: Path, study: str, name: str) -> Making:
        """Begin, unless something is being made.

        Raises:
            JobError: ``material_busy``.
        """
        with self._lock:
            if self.now is not None and not self.now.ended:
                raise JobError("material_busy", name=self.now.name)
            self.now = Making(study, name)
        threading.Thread(target=self._make, args=(home, self.now), daemon=True).start()
        return self.now

    def _make(self, home: Path, making: Making) -> None:
        try:
            make_aside(home, making.study, making.name, self._tick)
        except KDLabError as error:
            self.now = replace(making, ended=True, error=error)
        else:
            self.now = replace(making, ended=True)

    def _tick(self, done: int, total: int) -> None:
        if self.now is not None:
            self.now = replace(self.now, done=done, total=total)


@st.cache_resource(show_spinner=False)
def _maker() -> Maker:
    return Maker()


def prepare(study: str, name: str) -> Making:
    """Begin to make what a lesson needs for a study.

    Raises:
        AccessError: Without the right ``board`` in a class, or ``start`` outside of one.
        ConfigError: ``entry_unknown``.
        JobError: ``material_busy``.
        StoreError: ``study_unknown``.
    """
    allowed("board" if class_open() else "start")
    _ = MATERIALS[name]  # an unknown name raises
    _known(study)
    return _maker().start(services().store.home.root, study, name)


def making() -> Making | None:
    """What is being made, or was made last.

    Raises:
        AccessError: ``class_code_needed``.
    """
    allowed("look")
    return _maker().now


def lesson_plan() -> Plan:
    """What the teacher set.

    Raises:
        AccessError: ``class_code_needed``.
    """
    allowed("look")
    return plan_of(room().people.setting(SETTING))


def set_lesson_plan(plan: Plan) -> None:
    """Set order and visibility of lessons and controls, and the class's study.

    Raises:
        AccessError: Without the right ``board``.
        StoreError: ``study_unknown``.
    """
    allowed("board")
    _known(plan.study)
    room().people.set(SETTING, plan.to_json())


def _known(study: str) -> None:
    """Go on only with a study that is there; an empty name is the embedded one."""
    if study:
        services().store.study(study)
