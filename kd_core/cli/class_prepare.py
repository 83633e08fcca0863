"""``kd-lab class prepare``: the evening before, all that a class would have to wait for.

    the machine and the study     are looked at, nothing is changed
    what lessons are made from    is made where it is missing or of an older version
    what a first visitor opens    is opened once, every lesson too

Everything that is there stays, so the command may be given again and again. With ``--json`` each
step of the making is a line of its own, ``{"progress": …}``; the last line is the answer.
"""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.cli.screen import Screen
from kd_core.errors import KDLabError
from kd_core.study.people import People
from kd_core.study.store import Store
from kd_core.text import Msg

SAMPLE_STUDY = Path(__file__).parents[2] / "sample_data" / "study"
QUICK_S = 1.0
"""A lesson that takes longer is not ready for sliders; on the class's machine it takes less."""


def prepare(arguments: argparse.Namespace, screen: Screen, store: Store) -> Mapping[str, Any]:
    """Check, make and open; what is missing is said, with its reason.

    Raises:
        ConfigError: ``entry_unknown`` for material that does not exist.
        StoreError: ``study_unknown``, ``lesson_study``.
    """
    from kd_core.lessons import LESSONS
    from kd_core.lessons.material import MATERIALS
    from kd_core.lessons.open import open_material
    from kd_core.study.collect import collect

    if SAMPLE_STUDY.is_dir():  # as the dashboard does when it starts
        collect(store, SAMPLE_STUDY)
    names = tuple(arguments.only) or MATERIALS.names()
    for name in names:
        MATERIALS[name]  # an unknown name ends it here, before anything is made
    study = arguments.study or _study(store)
    checks = [] if arguments.only else _checks(arguments, screen, store, study)
    material = open_material(store, study or None)
    screen.line("cli.class.material", study=material.name)
    made = [_make(material, name, screen) for name in names]
    live = [] if arguments.only else [_answers(material, screen)]
    lessons = [] if arguments.only else [_look(material, name, screen) for name in LESSONS]
    parts = [*checks, *made, *live, *lessons]
    return {
        "ok": all(part["ok"] for part in parts),
        "study": material.key,
        "checks": checks,
        "materials": made,
        "live": live,
        "lessons": lessons,
    }


def _checks(
    arguments: argparse.Namespace, screen: Screen, store: Store, study: str
) -> list[dict[str, Any]]:
    from kd_core.study.readiness import check

    found = check(store, arguments.people, arguments.upload_mb * 1_000_000, study)
    for one in found:
        screen.line("cli.class.ready" if one.ok else "cli.class.not_ready", what=one.msg)
    return [{"ok": one.ok, **one.msg.to_json()} for one in found]


def _study(store: Store) -> str:
    """The study that the teacher chose for the class, else the newest that lessons can show."""
    from kd_core.lessons.open import can_open
    from kd_core.lessons.plan import SETTING, plan_of

    with contextlib.closing(People(store.home.root)) as people:
        chosen = plan_of(people.setting(SETTING)).study
    known = [row for row in store.studies() if row.finished and can_open(store, row)]
    if chosen in {row.id for row in known}:
        return chosen
    return next((row.id for row in known), "")


def _make(material: Any, name: str, screen: Screen) -> dict[str, Any]:
    """One material: there already, made now, or the reason why not."""
    from kd_core.lessons.material import MATERIALS
    from kd_core.lessons.open import make_material

    title = Msg(MATERIALS.text_id(name, "title"))
    if name in material.made:
        screen.line("cli.class.there", what=title)
        return {"name": name, "ok": True, "made": False, "seconds": 0.0}
    if why := MATERIALS[name].why_not(material):
        screen.line("cli.class.unfit", what=title, why=why)
        return {"name": name, "ok": True, "made": False, "unfit": why.to_json()}
    began = time.perf_counter()
    try:
        with screen.bar(screen.text(title), total=1) as bar:
            make_material(material, name, _teller(name, screen, bar))
    except KDLabError as error:
        screen.line("cli.class.not_ready", what=Msg("cli.class.unmade", _of(title, error.msg)))
        return {"name": name, "ok": False, "made": False, "error": error.to_json()}
    seconds = time.perf_counter() - began
    screen.line("cli.class.made", what=title, seconds=seconds)
    return {"name": name, "ok": True, "made": True, "seconds": seconds}


def _of(what: Msg, why: Msg) -> dict[str, Msg]:
    return {"what": what, "why": why}


def _teller(name: str, screen: Screen, bar: Any) -> Any:
    """Moves the bar, and writes a line for whoever started this."""
    screen.event(progress={"material": name, "done": 0, "total": 1})

    def progress(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)
        screen.event(progress={"material": name, "done": done, "total": total})

    return progress


def _answers(material: Any, screen: Screen) -> dict[str, Any]:
    """What the first live run would have to wait for."""
    from kd_core.lessons.made_map import store_answers
    from kd_core.lessons.material import MATERIALS

    what = Msg("cli.class.answers")
    if why := MATERIALS["map"].why_not(material):
        screen.line("cli.class.unfit", what=what, why=why)
        return {"ok": True, "unfit": why.to_json()}
    try:
        store_answers(material)
    except KDLabError as error:
        screen.line("cli.class.not_ready", what=Msg("cli.class.unmade", _of(what, error.msg)))
        return {"ok": False, "error": error.to_json()}
    screen.line("cli.class.ready", what=what)
    return {"ok": True}


def _look(material: Any, name: str, screen: Screen) -> dict[str, Any]:
    """Show a lesson once with its usual values, so that what it reads is there and warm."""
    from kd_core.lessons import LESSONS
    from kd_core.lessons.material import MATERIALS

    spec = LESSONS[name]
    title = Msg(LESSONS.text_id(name, "title"))
    unfit = [one for one in spec.needs if MATERIALS[one].why_not(material)]
    if material.data.task not in spec.tasks or unfit:
        screen.line("cli.class.other_task", what=title)
        return {"name": name, "ok": True, "sample": True, "lacking": unfit}
    lacking = [name for name in spec.needs if name not in material.made]
    if lacking:
        titles = [Msg(MATERIALS.text_id(name, "title")) for name in lacking]
        screen.line("cli.class.lacks", what=title, lacking=titles)
        return {"name": name, "ok": False, "sample": True, "lacking": lacking}
    spec.show(material, spec.values(material))
    began = time.perf_counter()
    spec.show(material, spec.values(material))
    seconds = time.perf_counter() - began
    quick = seconds <= QUICK_S
    screen.line("cli.class.lesson" if quick else "cli.class.slow", what=title, seconds=seconds)
    return {"name": name, "ok": quick, "sample": False, "seconds": seconds}
