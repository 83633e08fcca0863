"""Texts for this visitor: every sentence on a page comes through :func:`say`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

from kd_core.errors import KDLabError
from kd_core.registry import Entry, Registry
from kd_core.text import Catalogue, Msg, load_catalogue

LOCALE = Path(__file__).parent / "locale"
LANGUAGES = tuple(sorted(p.name for p in LOCALE.iterdir() if p.is_dir()))


def language() -> str:
    """This visitor's language; the browser's where it is offered, English otherwise."""
    chosen = st.session_state.get("language")
    if chosen in LANGUAGES:
        return str(chosen)
    wanted = (st.context.locale or "en").split("-")[0]
    return next((tag for tag in LANGUAGES if tag.split("-")[0] == wanted), "en")


def catalogue() -> Catalogue:
    """All texts in this visitor's language."""
    return load_catalogue(LOCALE, language())


def say(msg: Msg | str, **params: Any) -> str:
    """The sentence of a message, or of a message id with parameters."""
    return catalogue().render(msg if isinstance(msg, Msg) else Msg(msg, params))


def number(value: float | None, kind: str) -> str:
    """One figure in this visitor's language, a dash where there is none."""
    return "–" if value is None else catalogue().number(value, kind)


def entry_title(registry: Registry[Any], name: str) -> str:
    """Title of a registry entry; the name itself where nobody wrote one (a plugin)."""
    text_id = registry.text_id(name, "title")
    return say(text_id) if text_id in catalogue() else name


def entry_about(registry: Registry[Any], name: str) -> str:
    """One sentence on a registry entry, with its source."""
    entry: Entry = registry[name]
    text_id = registry.text_id(name, "about")
    about = say(text_id) if text_id in catalogue() else ""
    return f"{about} ({entry.source})" if entry.source and about else about or entry.source


def param_text(registry: Registry[Any], name: str, param: str, part: str) -> str:
    """Title or help of a parameter: the entry's own text, else the shared one."""
    for text_id in (registry.text_id(name, f"param.{param}.{part}"), f"param.{param}.{part}"):
        if text_id in catalogue():
            return say(text_id)
    return param if part == "title" else ""


def choice_text(param: str, value: Any) -> str:
    """What a choice of a parameter is called; the value itself where it speaks for itself."""
    text_id = f"choice.{param}.{value}"
    return say(text_id) if text_id in catalogue() else str(value)


def show_error(error: KDLabError) -> None:
    """The one sentence of an expected problem."""
    st.error(say(error.msg), icon=":material/error:")
