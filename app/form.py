"""A form that edits a settings document by dotted path.

The document is the JSON of the settings that will be submitted, so the controls, the
"Configuration" box and what runs can never differ: whatever has no control keeps its value.

    form = Form("distil", StudySettings(...).to_json())
    alpha = form.edit(st.slider, "arms.0.distil.alpha", label, min_value=0.0, max_value=1.0)
    StudySettings.from_json(form.document)
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import streamlit as st


def read(document: Any, path: str) -> Any:
    """The value at a dotted path; list positions are numbers.

    >>> read({"arms": [{"alpha": 0.5}]}, "arms.0.alpha")
    0.5
    """
    for part in path.split("."):
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def write(document: Any, path: str, value: Any) -> None:
    """Set the value at a dotted path; its parent must exist."""
    *parents, last = path.split(".")
    target = read(document, ".".join(parents)) if parents else document
    target[int(last) if isinstance(target, list) else last] = value


class Form:
    """Controls over one document; values live in the session and outlive a change of page.

    Args:
        name: Prefix of the session keys.
        base: The document to start from; a form that was filled before starts from that.
    """

    def __init__(self, name: str, base: dict[str, Any]) -> None:
        self.name = name
        self.document = copy.deepcopy(st.session_state.setdefault(f"{name}:base", base))

    def key(self, path: str) -> str:
        """Session key of the control at a path."""
        return f"{self.name}:{path}"

    def edit(
        self,
        widget: Callable[..., Any],
        path: str,
        label: str,
        *,
        show: Callable[[Any], Any] = lambda value: value,
        store: Callable[[Any], Any] = lambda value: value,
        **options: Any,
    ) -> Any:
        """Draw one control and put its value into the document.

        Args:
            widget: A streamlit widget with ``key`` and ``persist_state``.
            path: Where the value stands in the document.
            label: Text of the control.
            show: Document value to widget value.
            store: Widget value to document value.
            **options: Passed to the widget.
        """
        key = self.key(path)
        allowed = options.get("options")
        value = st.session_state.get(key, show(read(self.document, path)))
        if allowed is not None and not isinstance(value, list | tuple) and value not in allowed:
            value = next(iter(allowed))
        for limit, wider in (("min_value", min), ("max_value", max)):
            # a pasted value may lie beyond the usual range
            if options.get(limit) is not None and value is not None:
                options[limit] = wider(options[limit], value)
        st.session_state[key] = value
        stored = store(widget(label, key=key, persist_state="session", **options))
        write(self.document, path, stored)
        return stored

    def keep(self) -> None:
        """Start from here when the page is drawn next, so that controls may be left out of it."""
        st.session_state[f"{self.name}:base"] = copy.deepcopy(self.document)

    @classmethod
    def kept(cls, name: str) -> dict[str, Any]:
        """The document as it was drawn last, for buttons that change its shape."""
        return copy.deepcopy(st.session_state[f"{name}:base"])

    @classmethod
    def load(cls, name: str, document: dict[str, Any]) -> None:
        """Start the form anew from a document; call it before any control is drawn."""
        for key in [k for k in st.session_state if str(k).startswith(f"{name}:")]:
            del st.session_state[key]
        st.session_state[f"{name}:base"] = copy.deepcopy(document)
