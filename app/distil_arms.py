"""The kinds of student in a study: which one is edited, and another, a copy, a name, one less."""

from __future__ import annotations

import copy
from typing import Any

import streamlit as st

from app.form import Form, read
from app.texts import say
from kd_core.config import StudySettings
from kd_core.study.methods import alone_for_longer

FORM = "distil"
CHOSEN = "distil-arm"
RATIOS = "distil-ratios"
"""Session key: expected training time of each arm over the baseline's."""
MOST = 24


def chosen(form: Form) -> int:
    """Which arm the page edits; a choice is shown only where there are several."""
    arms = form.document["arms"]
    place = min(int(st.session_state.get(CHOSEN, 0)), len(arms) - 1)
    if len(arms) == 1:
        st.session_state[CHOSEN] = 0
        return 0
    st.session_state[CHOSEN] = max(0, place)
    # a name that was typed just now is read further down; here it counts already
    names = [
        st.session_state.get(form.key(f"arms.{i}.name"), arm["name"]) for i, arm in enumerate(arms)
    ]
    picked: int = st.selectbox(
        say("distil.arm", n=len(arms)),
        list(range(len(arms))),
        key=CHOSEN,
        format_func=lambda i: names[i],
        help=say("distil.arm.help"),
    )
    return picked


def manage(form: Form, place: int) -> None:
    """Name of the chosen arm, and the buttons that change the list."""
    arms = form.document["arms"]
    st.caption(say("distil.arms.about"))
    left, right = st.columns([3, 4], vertical_alignment="bottom")
    with left:
        form.edit(st.text_input, f"arms.{place}.name", say("distil.arm.name"), max_chars=60)
    with right, st.container(horizontal=True):
        _button("add", ":material/add:", place, len(arms) >= MOST)
        _button("copy", ":material/content_copy:", place, len(arms) >= MOST)
        _button("remove", ":material/delete:", place, len(arms) == 1)

    _equal_compute(form, place)


def _equal_compute(form: Form, place: int) -> None:
    """The student alone with more steps, where a way of learning takes more computing."""
    left, right = st.columns([2, 3], vertical_alignment="bottom")
    known = st.session_state.get(RATIOS, {}).get(form.document["arms"][place]["name"])
    with left:
        ratio = st.number_input(
            say("distil.longer.ratio"),
            min_value=1.0,
            max_value=50.0,
            value=round(known, 1) if known else 2.0,
            step=0.1,
            help=say("distil.longer.help"),
        )
    with right:
        st.button(
            say("distil.longer.add"),
            icon=":material/hourglass_bottom:",
            key="arm-longer",
            on_click=_add_longer,
            args=(float(ratio),),
            disabled=len(form.document["arms"]) >= MOST,
        )
    if known:
        st.caption(say("distil.longer.known", ratio=round(known, 1)))


def _add_longer(ratio: float) -> None:
    document = Form.kept(FORM)
    study = StudySettings.from_json(document)
    arm = alone_for_longer(study, ratio, f"alone x{ratio:g}").to_json()
    put(document, arm)
    Form.load(FORM, document)
    st.session_state[CHOSEN] = len(document["arms"]) - 1


def remember_ratios(study: StudySettings, expected_s: dict[str, float], overhead_s: float) -> None:
    """Expected training time of each arm over the baseline's, from the last estimate."""
    seed = study.seeds[0]
    alone = expected_s.get(f"baseline-s{seed}", 0.0) - overhead_s
    ratios = {}
    for arm in study.arms:
        key = f"{arm.name}-s{seed}"
        if alone > 0 and key in expected_s:
            ratios[arm.name] = max(1.0, (expected_s[key] - overhead_s) / alone)
    st.session_state[RATIOS] = ratios


def _button(what: str, icon: str, place: int, off: bool) -> None:
    st.button(
        say(f"distil.arm.{what}"),
        icon=icon,
        key=f"arm-{what}",
        on_click=_change,
        args=(what, place),
        disabled=off,
    )


def _change(what: str, place: int) -> None:
    """Change the list of arms of the document as it was drawn last."""
    document = Form.kept(FORM)
    arms = document["arms"]
    if what == "remove":
        del arms[place]
        place = min(place, len(arms) - 1)
    else:
        source = copy.deepcopy(arms[place if what == "copy" else 0])
        arms.append({**source, "name": free_name(arms, source["name"]), "train": None})
        if what == "copy":
            arms[-1]["train"] = source.get("train")
        place = len(arms) - 1
    Form.load(FORM, document)
    st.session_state[CHOSEN] = place


def put(document: dict[str, Any], arm: dict[str, Any]) -> None:
    """Add an arm under a name that is free; the views of the study hold for it too."""
    arms = document["arms"]
    if arms:
        for name in ("teacher_outputs", "views"):
            arm["distil"][name] = arms[0]["distil"][name]
    arms.append({**arm, "name": free_name(arms, arm["name"])})


def free_name(arms: list[dict[str, Any]], wanted: str) -> str:
    """The name, or the name with the first number that is free.

    >>> free_name([{"name": "kd"}, {"name": "kd 2"}], "kd")
    'kd 3'
    """
    taken = {arm["name"] for arm in arms}
    stem = wanted.rstrip("0123456789").rstrip() if wanted in taken else wanted
    names = (wanted, *(f"{stem} {n}" for n in range(2, len(arms) + 3)))
    return next(name for name in names if name not in taken)


def share_views(form: Form) -> None:
    """One choice of stored views for all arms: they are compared on the same images."""
    first = read(form.document, "arms.0.distil")
    for arm in form.document["arms"][1:]:
        arm["distil"]["teacher_outputs"] = first["teacher_outputs"]
        arm["distil"]["views"] = first["views"]
