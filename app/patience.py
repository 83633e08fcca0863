"""A bar for work that turns out to take long; nothing is drawn for what is done at once."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

import streamlit as st

from app.texts import say

T = TypeVar("T")
AT_ONCE_S = 0.7
"""Until then nobody wonders what the page is doing."""


def one_by_one(items: Sequence[T], text: str) -> Iterator[T]:
    """The items in order; below them, while the work takes long, how many are done.

    Args:
        items: What is worked on between two of them.
        text: Message id, with ``done`` and ``n``.
    """
    place, began, shown = st.empty(), time.monotonic(), False
    for done, item in enumerate(items):
        if shown or time.monotonic() - began > AT_ONCE_S:
            place.progress(done / len(items), say(text, done=done, n=len(items)))
            shown = True
        yield item
    if shown:
        place.empty()
