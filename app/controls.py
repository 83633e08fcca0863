"""Controls that draw themselves from registry entries."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from app.form import Form, read, write
from app.services import services
from app.texts import choice_text, entry_about, entry_title, param_text
from kd_core.registry import Param, Registry


def choose_entry(
    form: Form,
    registry: Registry[Any],
    path: str,
    label: str,
    names: Sequence[str] | None = None,
    **options_of_box: Any,
) -> str:
    """A select box over registry entries, with the chosen one explained below it."""
    options = list(names if names is not None else registry.names())
    current = st.session_state.get(form.key(path), read(form.document, path))
    if current not in options and current:
        options.append(current)
    chosen: str = form.edit(
        st.selectbox,
        path,
        label,
        options=options,
        format_func=lambda name: entry_title(registry, name) if name in registry else name,
        **options_of_box,
    )
    if chosen in registry:
        st.caption(entry_about(registry, chosen))
    return chosen


def edit_params(
    form: Form, registry: Registry[Any], name: str, path: str, *, advanced: bool = False
) -> None:
    """One control a parameter of the entry; values stand under ``path`` in the document.

    Args:
        form: The form.
        registry: Where the entry is.
        name: The entry.
        path: Path of the parameters' dictionary.
        advanced: Draw the advanced parameters instead of the essential ones.
    """
    if name not in registry:
        return
    entry = registry[name]
    values = {**entry.defaults(), **read(form.document, path)}
    write(form.document, path, {p.name: values[p.name] for p in entry.params})
    for param in entry.params:
        if param.advanced == advanced and param.counts(read(form.document, path)):
            _edit(form, registry, name, param, f"{path}.{param.name}")


def _edit(form: Form, registry: Registry[Any], name: str, param: Param, path: str) -> None:
    label = param_text(registry, name, param.name, "title")
    label = f"{label} ({param.unit})" if param.unit else label
    text: dict[str, Any] = {"help": param_text(registry, name, param.name, "help") or None}
    if param.kind == "bool":
        form.edit(st.toggle, path, label, **text)
    elif param.kind == "choice":
        text["format_func"] = lambda value: choice_text(param.name, value)
        form.edit(st.selectbox, path, label, options=list(param.choices), **text)
    elif param.kind == "dataset":
        text["format_func"] = lambda name: name or choice_text(param.name, "none")
        form.edit(st.selectbox, path, label, options=["", *services().library.names()], **text)
    elif param.kind in ("float", "int"):
        number = float if param.kind == "float" else int
        low = None if param.low is None else number(param.low)
        high = None if param.high is None else number(param.high)
        step = None if param.step is None else number(param.step)
        bounded = low is not None and high is not None and step is not None
        form.edit(
            st.slider if bounded else st.number_input,
            path,
            label,
            show=number,
            min_value=low,
            max_value=high,
            step=step,
            **text,
        )
    else:
        form.edit(st.text_input, path, label, **text)
