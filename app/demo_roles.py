"""What each class means for parasitaemia: guessed from its name, until the visitor changes it."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.demo_choose import Chosen
from app.demo_result import Seen
from app.texts import say
from kd_core.slides.counts import ROLES, Role, default_roles


def roles(chosen: Chosen, seen: Seen) -> dict[str, Role] | None:
    """By class, as the visitor set them; ``None`` where no share of cells makes sense."""
    if not _sensible(chosen, seen):
        return None
    guessed = default_roles(_classes(chosen, seen))
    return {name: st.session_state.get(_key(chosen, name)) or guessed[name] for name in guessed}


def choose(chosen: Chosen, seen: Seen) -> None:
    """One choice a class; nothing where no share of cells makes sense."""
    if not _sensible(chosen, seen):
        return
    guessed: Mapping[str, Role] = default_roles(_classes(chosen, seen))
    with st.popover(say("demo.roles"), icon=":material/rule:"):
        st.caption(say("demo.roles.about"))
        for name, role in guessed.items():
            key = _key(chosen, name)
            if st.session_state.get(key) not in ROLES:
                st.session_state[key] = role
            st.segmented_control(
                name,
                ROLES,
                required=True,
                key=key,
                persist_state="session",
                format_func=lambda value: say(f"demo.role.{value}"),
            )


def _sensible(chosen: Chosen, seen: Seen) -> bool:
    return seen.of_cells and chosen.record.data.task == "classification"


def _classes(chosen: Chosen, seen: Seen) -> tuple[str, ...]:
    """Those of the models and those of the truth, which may be others."""
    asked = (name for answers in seen.answers.values() for name in answers.classes)
    known = (cell.label for cell in seen.known)
    return tuple(dict.fromkeys((*chosen.record.data.classes, *asked, *known)))


def _key(chosen: Chosen, name: str) -> str:
    return f"demo-role-{chosen.study}-{name}"
