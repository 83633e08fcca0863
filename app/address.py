"""Choices that stand in the address, by names that no language changes.

Streamlit's own binding writes into the address what a visitor reads, so that a link works in one
language only. Here ``plain`` gives each option its name for the address; a choice that is as usual
is not written. What was chosen is kept for the visit, so it is there again after another page, and
also while its widget is not drawn: with ``place=None`` a choice is only looked up.
"""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from typing import Any, TypeVar

import streamlit as st

T = TypeVar("T")
Plain = Callable[[Any], str]
KEPT = "address.kept"


def asked(name: str) -> list[str]:
    """What the address says of a choice, else what this visitor chose before; empty for nothing."""
    return st.query_params.get_all(name) or _kept().get(name, [])


def put(name: str, values: Sequence[str]) -> None:
    """Write a choice into the address and keep it; nothing removes it."""
    wanted = list(values)
    _kept()[name] = wanted
    if st.query_params.get_all(name) == wanted:
        return
    if wanted:
        st.query_params[name] = wanted
    else:
        st.query_params.pop(name, None)


def _kept() -> MutableMapping[str, list[str]]:
    kept: MutableMapping[str, list[str]] = st.session_state.setdefault(KEPT, {})
    return kept


def begin(name: str, known: Callable[[str], Any], usual: Any) -> Any:
    """The value that a widget starts with, set before it is drawn for the first time.

    Args:
        name: Key of the widget and name in the address.
        known: The option of a plain name; ``None`` for a name that is none.
        usual: Where the address says nothing.
    """
    if name not in st.session_state:
        found = next((v for v in map(known, asked(name)) if v is not None), usual)
        st.session_state[name] = found
    return st.session_state[name]


def choice(
    place: Any,
    label: str,
    options: Sequence[T],
    name: str,
    *,
    usual: T | None = None,
    plain: Plain = str,
    kind: str = "selectbox",
    **more: Any,
) -> T:
    """One of some options.

    Args:
        place: Container of the widget; ``None`` only looks the choice up.
        label: Above the widget.
        options: What can be chosen.
        name: Key of the widget and name in the address.
        usual: Chosen where nothing is said; the first option if left out.
        plain: Name of an option in the address.
        kind: Streamlit's widget: ``selectbox``, ``segmented_control`` or ``select_slider``.
        more: Further arguments of the widget.
    """
    names = {plain(option): option for option in options}
    first = options[0] if usual is None else usual
    if place is None:
        return next((names[text] for text in asked(name) if text in names), first)
    begin(name, names.get, first)
    if st.session_state[name] not in options:
        st.session_state[name] = first
    chosen: T = getattr(place, kind)(label, options, key=name, **more)
    put(name, [] if chosen == first else [plain(chosen)])
    return chosen


def several(
    place: Any,
    label: str,
    options: Sequence[T],
    name: str,
    *,
    usual: Sequence[T] = (),
    plain: Plain = str,
    **more: Any,
) -> list[T]:
    """Any number of some options; the address repeats the name for each."""
    names = {plain(option): option for option in options}
    if place is None:
        found = [names[text] for text in asked(name) if text in names]
        return found or list(usual)
    if name not in st.session_state:
        found = [names[text] for text in asked(name) if text in names]
        st.session_state[name] = found or list(usual)
    else:
        st.session_state[name] = [v for v in st.session_state[name] if v in options]
    chosen: list[T] = place.multiselect(label, options, key=name, **more)
    put(name, [] if list(chosen) == list(usual) else [plain(one) for one in chosen])
    return chosen


def switch(place: Any, label: str, name: str, *, usual: bool = False, **more: Any) -> bool:
    """On or off: 1 or 0 in the address."""
    states = {"1": True, "0": False}
    if place is None:
        return next((states[text] for text in asked(name) if text in states), usual)
    begin(name, states.get, usual)
    on: bool = place.toggle(label, key=name, **more)
    put(name, [] if on == usual else [str(int(on))])
    return on


def amount(
    place: Any,
    label: str,
    low: float,
    high: float,
    name: str,
    *,
    usual: float,
    kind: str = "number_input",
    **more: Any,
) -> float:
    """A number between two ends."""

    def known(text: str) -> float | None:
        value = number(text)
        return value if value is not None and low <= value <= high else None

    begin(name, known, usual)
    value: float = getattr(place, kind)(label, low, high, key=name, **more)
    put(name, [] if value == usual else [f"{value:g}"])
    return value


def number(text: str) -> float | None:
    """The number that a text of the address stands for, if it is one.

    >>> number("2.5"), number("many")
    (2.5, None)
    """
    try:
        return float(text)
    except ValueError:
        return None
