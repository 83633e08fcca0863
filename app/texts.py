"""Texts for this visitor: every sentence on a page comes through :func:`say`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from kd_core.errors import AccessError, KDLabError
from kd_core.registry import Entry, Registry
from kd_core.text import (
    MINUS,
    Catalogue,
    Msg,
    best_language,
    language_name,
    languages,
    load_catalogue,
)

T = TypeVar("T")
P = ParamSpec("P")
LOCALE = Path(__file__).parent / "locale"
LANGUAGES = languages(LOCALE)
ADDRESS = "lang"
"""Parameter of the address, once a language was chosen: a link opens in it for everybody."""


_KEPT: ContextVar[str] = ContextVar("language")


def language() -> str:
    """This visitor's language: chosen, or the browser's where it is offered, else English."""
    if kept := _KEPT.get(""):
        return kept
    chosen = st.session_state.get("language")
    return str(chosen) if chosen in LANGUAGES else best_language(st.context.locale or "", LANGUAGES)


def in_this_language(make: Callable[[], T]) -> Callable[[], T]:
    """What makes a download when it is clicked, in the language of the page that offers it.

    Streamlit calls it in a thread of its own, which knows nothing of the visitor.
    """
    tag = language()

    def made() -> T:
        before = _KEPT.set(tag)
        try:
            return make()
        finally:
            _KEPT.reset(before)

    return made


def language_tag() -> str:
    """The language as browsers and HTML name it, such as ``pt-BR`` (BCP 47)."""
    return language().replace("_", "-")


def separators() -> tuple[str, str]:
    """The decimal and the thousands separator of this visitor's language."""
    marks = say("figure.separators")
    return marks[0], marks[1]


def signed(value: float, digits: int) -> str:
    """A number that always shows its sign, in this visitor's language."""
    return f"{value:+.{digits}f}".replace(".", separators()[0]).replace("-", MINUS)


def carry_language() -> None:
    """Take the language from the address on a visit's first page; keep a chosen one in it.

    The page also says its language to the browser, for screen readers and hyphenation.
    """
    asked = st.query_params.get(ADDRESS)
    if "language" not in st.session_state:
        st.session_state["language-chosen"] = asked in LANGUAGES
        st.session_state["language"] = asked if asked in LANGUAGES else language()
    if st.session_state.get("language-chosen"):
        st.query_params[ADDRESS] = language()
    script = f"<script>document.documentElement.lang='{language_tag()}'</script>"
    st.html(script, unsafe_allow_javascript=True)


def language_switch() -> None:
    """A box with the languages by their own names, where there is more than one."""
    if len(LANGUAGES) > 1:
        st.selectbox(
            say("frame.language"),
            LANGUAGES,
            key="language",
            format_func=language_name,
            on_change=_chose,
        )


def _chose() -> None:
    st.session_state["language-chosen"] = True


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


def guarded(draw: Callable[P, None]) -> Callable[P, None]:
    """What a fragment draws, since no page is around it when it is drawn again by itself.

    Who was let out meanwhile is asked to come in; any other expected problem is one sentence.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            draw(*args, **kwargs)
        except AccessError:
            st.rerun()
        except KDLabError as error:
            show_error(error)

    return drawn
