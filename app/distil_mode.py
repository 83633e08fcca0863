"""How networks learn together: the mode, its own settings, and the networks beside the student."""

from __future__ import annotations

import streamlit as st

from app.controls import choose_entry, edit_params
from app.form import Form, read
from app.texts import say
from kd_core.train.modes import MODES

FORM = "distil"


def controls(form: Form, place: int, task: str) -> None:
    """The mode with its parameters."""
    path = f"arms.{place}.distil"
    name = choose_entry(form, MODES, f"{path}.mode", say("distil.mode"), list(MODES))
    edit_params(form, MODES, name, f"{path}.params")
    if any(param.advanced for param in MODES[name].params):
        with st.expander(say("distil.mode.more")):
            edit_params(form, MODES, name, f"{path}.params", advanced=True)
    read(form.document, f"{path}.peers")
