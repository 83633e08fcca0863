"""What all pages share in looks; the colours themselves stand in ``.streamlit/config.toml``."""

from __future__ import annotations

import streamlit as st

_STYLE = """
<style>
.block-container {padding: 4rem 2.5rem 4rem 2.5rem; max-width: 1280px;} /* header: 3.75rem */
[data-testid="stSidebar"] {width: 13.5rem !important; min-width: 13.5rem !important;}
h1 {font-size: 2.1rem !important; padding: 0 0 0.4rem 0 !important;}
h3 {font-size: 1.25rem !important;}
[data-testid="stMetricValue"] {font-size: 1.5rem;}
.stElementContainer:has(> [data-testid="stHtml"] > script:only-child) {display: none;}
@media (max-width: 640px) {
  .block-container {padding-left: 1rem; padding-right: 1rem;}
  h1 {font-size: 1.6rem !important;}
  /* a lesson's controls, its picture, then its facts: both columns give up their boxes */
  .st-key-shown-lesson .stColumn {display: contents;}
  .st-key-shown-lesson .stColumn > .stVerticalBlock {display: contents;}
  .st-key-shown-lesson .stColumn > .stVerticalBlock > * {flex: 1 1 100%; width: 100%;}
  .st-key-shown-lesson .stColumn > .stVerticalBlock > :has(> .st-key-shown-facts) {order: 1;}
  /* cells of a map are narrow and high here, so their figures stand upright */
  .st-key-try-map .textpoint text, .st-key-map .textpoint text {
    transform: rotate(-90deg); transform-box: fill-box; transform-origin: center;
    font-size: 12px !important;
  }
}
</style>
"""


def apply() -> None:
    """Spacing that suits a projector (1280 × 720) and a phone (390 px)."""
    st.html(_STYLE)


def is_dark() -> bool:
    """Whether this visitor sees the dark theme."""
    return st.context.theme.type == "dark"
