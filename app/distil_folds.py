"""Controls of the protocol: cross-validation, and the operating point of every model."""

from __future__ import annotations

import streamlit as st

from app.form import Form, read
from app.texts import say

MOST = 10
"""Folds that the page offers; a configuration may have up to 20."""


def protocol_controls(form: Form) -> None:
    """Folds, calibration and the rule of the threshold; all are off until somebody chooses them."""
    left, right = st.columns(2)
    with left:
        form.edit(
            st.selectbox,
            "folds",
            say("protocol.form.folds"),
            options=[0, *range(2, MOST + 1)],
            format_func=lambda n: say("protocol.form.no_folds") if n == 0 else str(n),
            help=say("protocol.form.folds.help"),
        )
    with right:
        form.edit(
            st.selectbox,
            "operating.calibration",
            say("protocol.form.calibration"),
            options=["none", "temperature", "platt"],
            format_func=lambda name: say(f"protocol.form.calibration.{name}"),
            help=say("protocol.form.calibration.help"),
        )
    left, right = st.columns(2)
    with left:
        form.edit(
            st.selectbox,
            "operating.rule",
            say("protocol.form.rule"),
            options=["none", "youden", "sensitivity", "specificity", "fixed"],
            format_func=lambda name: say(f"protocol.form.rule.{name}"),
            help=say("protocol.form.rule.help"),
        )
    if read(form.document, "operating.rule") in ("sensitivity", "specificity", "fixed"):
        with right:
            form.edit(
                st.slider,
                "operating.value",
                say("protocol.form.value"),
                min_value=0.0,
                max_value=1.0,
                step=0.01,
            )
