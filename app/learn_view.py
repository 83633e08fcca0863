"""One lesson on the page: its controls, what they show, and the code behind it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import streamlit as st

from app import learn_controls
from app.texts import guarded, param_text, say
from app.theme import is_dark
from kd_core.lessons import LESSONS, Picture
from kd_core.lessons.material import Material
from kd_core.lessons.spec import Photo

LIVE = "live"
"""Of the chapter after the lessons, in which everybody tries a student of their own."""

BESIDE = 3
"""So many pictures at most stand beside the controls."""

SIDES = (1.0, 2.1)
"""Widths of the controls and of the first picture beside them."""


def chapters() -> tuple[str, ...]:
    """All lessons in the usual order, and what is tried live."""
    return (*LESSONS.names(), LIVE)


def text(name: str, part: str) -> str:
    """A text of a lesson: ``title`` (the live chapter has one too), ``about`` or ``try``."""
    return say(LESSONS.text_id(name, part))


@st.fragment
@guarded
def lesson(name: str, material: Material, hidden: Collection[str]) -> None:
    """A lesson for the values of its controls; a moved slider draws only this anew."""
    spec = LESSONS[name]
    st.markdown(text(name, "about"))
    with st.container(key="shown-lesson"):
        left, right = st.columns(SIDES, gap="medium")
    with left:
        values = learn_controls.controls(name, material, hidden)
        shown = spec.show(material, values)
        with st.container(key="shown-facts"):
            _photos(shown.photos)
            for fact in shown.facts:
                st.markdown(say(fact))
            if "try" not in hidden:
                st.info(text(name, "try"), icon=":material/front_hand:")
    with right:
        beside = _beside(shown.pictures)
        for picture in shown.pictures[:beside]:
            _picture(name, picture)
    _pictures(name, shown.pictures[beside:])
    if shown.steps and "steps" not in hidden:
        with st.expander(say("learn.steps"), expanded=True, icon=":material/calculate:"):
            for step in shown.steps:
                st.markdown(say(step))
    if shown.notes:
        st.caption("  \n".join(say(note) for note in shown.notes))
    if "code" not in hidden:
        with st.expander(say("learn.code"), icon=":material/code:"):
            st.caption(say("learn.code.about"))
            study = "" if material.key == "sample" else material.key
            st.code(spec.lines(values, study), language="python")


def _photos(photos: tuple[Photo, ...]) -> None:
    if not photos:
        return
    with st.container(horizontal=True):
        for photo in photos:
            caption = say(photo.caption)
            st.image(photo.pixels, caption=caption, width=photo.px, alt=caption)


def _beside(pictures: tuple[Picture, ...]) -> int:
    """How many pictures stand beside controls and facts: the first, and what is not wide."""
    wide = [place for place, picture in enumerate(pictures) if place and picture.wide]
    return min([BESIDE, *wide])


def _pictures(name: str, pictures: tuple[Picture, ...]) -> None:
    """The further pictures: two side by side, a wide one by itself."""
    waiting: list[Picture] = []
    for picture in pictures:
        if picture.wide:
            _row(name, waiting)
            waiting = []
            _picture(name, picture)
            continue
        waiting.append(picture)
        if len(waiting) == 2:
            _row(name, waiting)
            waiting = []
    _row(name, waiting)


def _row(name: str, pictures: list[Picture]) -> None:
    if len(pictures) == 1:
        _picture(name, pictures[0])
    elif pictures:
        for column, picture in zip(st.columns(len(pictures), gap="medium"), pictures, strict=True):
            with column:
                _picture(name, picture)


def _picture(name: str, picture: Picture) -> None:
    st.plotly_chart(
        picture.draw(picture.info, say, is_dark()),
        width="stretch",
        theme=None,
        key=f"learn-{name}-{picture.name}",
        config=picture_config(name, picture.name),
        alt=say(picture.words),
    )


def picture_config(name: str, picture: str) -> dict[str, Any]:
    """A figure's buttons: its picture can be taken home as SVG, named after lesson and figure."""
    image = {"format": "svg", "filename": f"kd-lab-{name}-{picture}"}
    return {"toImageButtonOptions": image, "displaylogo": False}


def control_names(name: str) -> dict[str, str]:
    """Titles of a lesson's controls by their names; the live chapter's are its own."""
    if name not in LESSONS:
        return {}
    return {p.name: param_text(LESSONS, name, p.name, "title") for p in LESSONS[name].params}
