"""A progress bar that an engine function can call."""

from __future__ import annotations

import streamlit as st


class Bar:
    """Call it with done and total; it disappears at the end of a ``with`` block.

    with Bar("Reading …") as bar:
        read(path, progress=bar)
    """

    def __init__(self, text: str = "") -> None:
        self._text = text
        self._slot = st.empty()

    def __enter__(self) -> Bar:
        self._slot.progress(0.0, text=self._text)
        return self

    def __exit__(self, *exc: object) -> None:
        self._slot.empty()

    def __call__(self, done: int, total: int | None) -> None:
        """Show how far it is; an unknown total shows the text alone."""
        share = min(1.0, done / total) if total else 0.0
        self._slot.progress(share, text=self._text)
