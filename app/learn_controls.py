"""A lesson's controls, drawn from its entry and kept in the address."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import streamlit as st

from app import address
from app.texts import choice_text, number, param_text, say
from kd_core.lessons import LESSONS, LessonSpec
from kd_core.lessons.material import Material
from kd_core.registry import Param

FEW = 4
"""So many choices stand side by side; more are a list."""


def place(lesson: str, param: str) -> str:
    """A control's name in the address, and the key of its widget: ``temperature.T``."""
    return f"{lesson}.{param}"


def controls(name: str, material: Material, hidden: Collection[str] = ()) -> dict[str, Any]:
    """The values of a lesson's controls; those that are hidden are as the address says.

    Args:
        name: The lesson.
        material: What its choices come from.
        hidden: Names of controls that are not drawn.
    """
    spec = LESSONS[name]
    usual = spec.values(material)
    found = {}
    for param in spec.params:
        if param.name in hidden:
            found[param.name] = _asked(name, spec, param)
        else:
            found[param.name] = _draw(name, spec, param, material, usual[param.name])
    return spec.values(material, found)


def forget_others(name: str) -> None:
    """Take the controls of other lessons out of the address; the visit still knows them."""
    for key in list(st.query_params):
        lesson, dot, _ = key.partition(".")
        if dot and lesson != name and lesson in LESSONS:
            st.query_params.pop(key, None)


def _asked(name: str, spec: LessonSpec, param: Param) -> Any:
    """What the address says of a control that is not drawn."""
    texts = address.asked(place(name, param.name))
    return _read(spec, param)(texts[0]) if texts else param.default


def _read(spec: LessonSpec, param: Param) -> Callable[[str], Any]:
    """From a text of the address to a value; ``None`` for a text that is none."""
    if param.kind in ("float", "int"):
        return lambda text: _whole(param, address.number(text))
    if param.kind == "bool":
        return {"1": True, "0": False}.get
    if param.name in spec.options:
        return str
    return {_plain(value): value for value in param.choices}.get


def _plain(value: Any) -> str:
    """How a choice stands in the address."""
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def _whole(param: Param, value: float | None) -> float | int | None:
    if value is None or not (param.low or 0) <= value <= (param.high or value):
        return None
    return round(value) if param.kind == "int" else float(value)


def _draw(name: str, spec: LessonSpec, param: Param, material: Material, usual: Any) -> Any:
    key = place(name, param.name)
    label = param_text(LESSONS, name, param.name, "title")
    label = f"{label} ({param.unit})" if param.unit else label
    help_text = param_text(LESSONS, name, param.name, "help") or None
    if param.name in spec.again:
        return _again(key, label, help_text, spec, param)
    if param.name in spec.options:
        texts = dict(spec.options[param.name](material))
        return address.choice(
            st,
            label,
            list(texts),
            key,
            usual=usual,
            format_func=lambda plain: say(texts[plain]),
            help=help_text,
        )
    if param.kind == "bool":
        return address.switch(st, label, key, usual=usual, help=help_text)
    if param.kind == "choice":
        kind = _kind(param)
        more: dict[str, Any] = (
            {"required": True, "wrap": True} if kind == "segmented_control" else {}
        )
        return address.choice(
            st,
            label,
            param.choices,
            key,
            usual=usual,
            plain=_plain,
            kind=kind,
            format_func=lambda value: _named(param, value),
            help=help_text,
            **more,
        )
    return _slider(key, label, help_text, spec, param)


def _kind(param: Param) -> str:
    """The widget of a choice: numbers in a row are a slider."""
    if all(isinstance(value, int | float) for value in param.choices):
        return "select_slider"
    return "segmented_control" if len(param.choices) <= FEW else "selectbox"


def _named(param: Param, value: Any) -> str:
    if isinstance(value, int | float):
        return number(value, "number")
    return choice_text(param.name, value)


def _slider(key: str, label: str, help_text: str | None, spec: LessonSpec, param: Param) -> Any:
    kind = int if param.kind == "int" else float
    address.begin(key, _read(spec, param), kind(param.default))
    value = st.slider(
        label,
        kind(param.low or 0),
        kind(param.high or 0),
        step=kind(param.step or 1),
        key=key,
        help=help_text,
    )
    address.put(key, [] if value == param.default else [f"{value:g}"])
    return value


def _again(key: str, label: str, help_text: str | None, spec: LessonSpec, param: Param) -> int:
    """A button that counts up; past the last number it begins anew."""
    kept = f"{key}.count"
    if kept not in st.session_state:
        texts = address.asked(key)
        found = _read(spec, param)(texts[0]) if texts else None
        st.session_state[kept] = param.default if found is None else found
    value: int = st.session_state[kept]
    if st.button(label, key=key, help=help_text, icon=":material/refresh:"):
        value = value + 1 if param.high is None or value < param.high else int(param.low or 0)
    st.session_state[kept] = value
    address.put(key, [] if value == param.default else [str(value)])
    return value
