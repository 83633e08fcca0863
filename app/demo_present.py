"""The layout for a projector: large type, no sidebar; kept in the address."""

from __future__ import annotations

import streamlit as st

from app.texts import say

_STYLE = """
<style>
html {font-size: 20px;}
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"],
[data-testid="stExpandSidebarButton"], [data-testid="stHeader"] {display: none !important;}
.block-container {padding-top: 0.8rem !important; max-width: 1700px !important;}
[data-testid="stMetricValue"] {font-size: 1.7rem !important; padding-bottom: 0 !important;}
[data-testid="stVerticalBlock"] {gap: 0.6rem;}
[data-testid="stCaptionContainer"] {font-size: 0.9rem !important;}
h1 {font-size: 1.7rem !important; padding-top: 0 !important;}
</style>
"""


def presenting() -> bool:
    """Whether the address asks for the projector's layout."""
    return st.query_params.get("present", "") == "1"


def apply() -> None:
    """Hide what an audience does not need."""
    if presenting():
        st.html(_STYLE)


def switch() -> None:
    """The button that goes into the layout and out of it."""
    on = presenting()
    st.button(
        say("demo.present.end" if on else "demo.present"),
        icon=":material/close_fullscreen:" if on else ":material/present_to_all:",
        help=say("demo.present.help"),
        on_click=_turn,
        args=(not on,),
    )


def _turn(on: bool) -> None:
    if on:
        st.query_params["present"] = "1"
    else:
        st.query_params.pop("present", None)
