"""What most studies do not need, each part on request: one row of names, one part below it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app import (
    distil_advice,
    distil_arms,
    distil_compare,
    distil_losses,
    distil_map,
    distil_mode,
    distil_papers,
    distil_time,
)
from app.form import Form
from app.texts import say

Part = Callable[[Form, int, str], None]


def _arms(form: Form, place: int, task: str) -> None:
    distil_arms.manage(form, place)


PARTS: dict[str, tuple[str, Part]] = {
    "mode": (":material/hub:", distil_mode.controls),
    "time": (":material/timeline:", distil_time.controls),
    "arms": (":material/group:", _arms),
    "compare": (":material/leaderboard:", distil_compare.controls),
    "map": (":material/grid_on:", distil_map.controls),
    "advice": (":material/tips_and_updates:", distil_advice.controls),
    "convention": (":material/translate:", distil_papers.conventions),
    "published": (":material/article:", distil_papers.studies),
}


def more(form: Form, place: int, task: str) -> None:
    """A button for one more loss, and the parts by name.

    Args:
        form: The form.
        place: Which arm is edited.
        task: Entry of ``TASKS``.
    """
    distil = form.document["arms"][place]["distil"]
    st.button(
        say("distil.loss.add"),
        icon=":material/add:",
        key="loss-add",
        on_click=distil_losses.add,
        args=(place, task),
        disabled=not distil_losses.can_add(distil, task),
    )
    chosen = st.pills(
        say("distil.more"),
        list(PARTS),
        format_func=lambda name: f"{PARTS[name][0]} {say(f'distil.more.{name}')}",
        key="distil-more",
        persist_state="session",
        label_visibility="collapsed",
        wrap=True,
    )
    if chosen:
        with st.container(border=True):
            PARTS[chosen][1](form, place, task)
