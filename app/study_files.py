"""What can be taken away from a study: configuration, report, predictions; and its removal."""

from __future__ import annotations

import json

import streamlit as st

from app import readings
from app.readings import Reading
from app.report import make_report
from app.results_write import offer_predictions
from app.services import remove_study
from app.texts import in_this_language, say, show_error
from app.visitor import may_change
from kd_core.errors import KDLabError


def show(reading: Reading) -> None:
    """Downloads and the removal of a study."""
    study = reading.study
    with st.container(horizontal=True):
        st.download_button(
            say("files.config"),
            json.dumps(study.settings.to_json(), indent=2),
            "study.json",
            "application/json",
            icon=":material/data_object:",
        )
        st.download_button(
            say("files.report"),
            in_this_language(lambda: make_report(reading)),
            "report.html",
            "text/html",
            icon=":material/description:",
        )
    offer_predictions(study)
    _delete(reading)


def _delete(reading: Reading) -> None:
    study = reading.study
    if not may_change(study.owner) or study.active:
        return
    with st.popover(say("files.delete"), icon=":material/delete:"):
        st.write(say("files.delete.sure", name=study.name, n=study.runs))
        if st.button(say("files.delete.yes")):
            try:
                remove_study(study.id)
            except KDLabError as error:
                show_error(error)
                return
            st.session_state.pop("study", None)
            st.query_params.pop("study", None)
            readings.scores_on.clear()
            st.rerun()
