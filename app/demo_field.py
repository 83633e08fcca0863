"""A whole field or slide: seen with progress, kept, shown; a visitor can stop it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import demo_field_views, demo_notes
from app.demo_choose import Chosen
from app.demo_models import Turn, my_turn
from app.demo_pictures import KEPT_RESULTS, Kept, Kind, Opened, kept
from app.demo_result import Seen
from app.demo_see import Tell, see_cells, see_cells_of_slide, see_tiles
from app.texts import say


def show(chosen: Chosen, opened: Opened, kind: Kind) -> None:
    """Everything about one field or slide."""
    seen = _seen(chosen, opened, kind)
    if seen is None:
        return
    for note in (*opened.slide.notes, *seen.notes):
        st.caption(say(note))
    if seen.problem is not None:
        st.image(seen.picture, width=360)
        st.warning(say(seen.problem), icon=":material/search_off:")
        st.caption(say("demo.field.otherwise"))
        return
    notes = st.container()
    name = f"{opened.picture.key}-{kind}"
    demo_field_views.show(chosen, name, seen)
    if not (opened.picture.embedded and chosen.record.data.synthetic):
        with notes:  # last, so that nobody waits for it
            demo_notes.of_crops(chosen, seen.crops, name)


def _seen(chosen: Chosen, opened: Opened, kind: Kind) -> Seen | None:
    """The result, from a cache or computed now; ``None`` while it is stopped."""
    store = _shared() if opened.picture.embedded else kept("fields", KEPT_RESULTS)
    name = (opened.picture.key, kind, chosen.files)
    if name not in store:
        if st.session_state.get("demo-view-stopped") == name:
            st.info(say("demo.field.stopped"), icon=":material/stop_circle:")
            again = say("demo.field.again")
            st.button(again, icon=":material/replay:", on_click=_stop, args=(None,))
            return None
        slot = st.empty()
        with slot.container():
            st.button(say("demo.field.stop"), icon=":material/stop:", on_click=_stop, args=(name,))
            bar = st.progress(0.0, text=say("demo.field.step.wait"))
            with my_turn() as turn:
                if name not in store:  # else another visitor was first
                    see = {"cells": see_cells, "tiles": see_tiles}[kind]
                    if kind == "cells" and not opened.slide.whole:
                        see = see_cells_of_slide
                    store.put(name, see(chosen, opened, _teller(bar, turn)))
        slot.empty()
    return store[name]  # type: ignore[no-any-return]


@st.cache_resource(show_spinner=False)
def _shared() -> Kept:
    """Answers to embedded pictures, which are nobody's secret, for all visitors."""
    return Kept(4 * KEPT_RESULTS)


def _stop(name: object) -> None:
    st.session_state["demo-view-stopped"] = name


def _teller(bar: Any, turn: Turn) -> Tell:
    """Progress; each call is one of the page, so a click on Stop ends the work there."""

    def tell(step: str, done: int, total: int) -> None:
        text = say(f"demo.field.step.{step}", done=done, total=total)
        bar.progress(min(1.0, done / max(1, total)), text=text)
        turn.give_way()

    return tell
