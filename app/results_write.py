"""What goes into a paper: the methods paragraph, a LaTeX table, every prediction."""

from __future__ import annotations

from functools import partial

import streamlit as st

from app import readings, results_stamp
from app.readings import Reading
from app.services import services
from app.texts import catalogue, say, show_error
from kd_core.errors import KDLabError
from kd_core.study.latex import latex_results
from kd_core.study.methods_facts import MethodFacts, method_facts
from kd_core.study.methods_text import methods
from kd_core.study.predictions_out import encoded
from kd_core.study.results import Level, by_arm, last_steps, results, visible
from kd_core.study.rows import StudyRow
from kd_core.study.trials import trials


def show(reading: Reading) -> None:
    """Text, table and downloads."""
    try:
        with st.spinner(say("write.wait")):
            facts = facts_of(reading)
    except KDLabError as error:
        show_error(error)
        return
    paragraph = " ".join(say(msg) for msg in methods(facts))
    st.markdown(f"**{say('write.methods')}**")
    st.code(paragraph, language=None, wrap_lines=True)
    st.caption(say("write.methods.about"))
    st.markdown(f"**{say('write.latex')}**")
    table = latex_results(facts, results_stamp.stamp(reading).msg, catalogue().render)
    st.code(table, language="latex", wrap_lines=True, height=300)
    st.markdown(f"**{say('write.predictions')}**")
    offer_predictions(reading.study)


def facts_of(reading: Reading) -> MethodFacts:
    """What text and table are made from, computed once for the same runs.

    Raises:
        KDLabError: A model lacks predictions of the part.
    """
    where = (reading.metric, reading.part, reading.level, results_stamp.unranked(reading))
    return _facts(reading.study, readings.run_ids(reading), *where)


@st.cache_data(show_spinner=False, max_entries=60)
def _facts(
    study: StudyRow,
    runs: tuple[str, ...],
    metric: str,
    part: str,
    level: Level,
    unranked: tuple[str, ...],
) -> MethodFacts:
    store = services().store
    arms = by_arm(r for r in visible(results(store, study.id), part) if r.run.id in runs)
    shown = {arm: arms[arm] for arm in last_steps(arms)}
    student = next(
        (g[0] for g in shown.values() if g[0].model.role in ("baseline", "student")),
        next(iter(shown.values()))[0],
    )
    record = store.record(student.run.id)
    tried = trials(store, study.id)
    return method_facts(study, record, shown, metric, part, tried, level, unranked)


def _file(study_id: str, csv: bool) -> bytes:
    return encoded(services().store, study_id, csv)[0]


def offer_predictions(study: StudyRow) -> None:
    """Every prediction that may be seen, as Parquet or CSV."""
    with st.container(horizontal=True):
        for kind, mime in (("parquet", "application/octet-stream"), ("csv", "text/csv")):
            st.download_button(
                say(f"files.predictions.{kind}"),
                partial(_file, study.id, kind == "csv"),
                f"{study.id}-predictions.{kind}",
                mime,
                icon=":material/table:",
                key=f"predictions-{kind}",
            )
    st.caption(say("files.predictions.about"))
    if study.test_opened_at is None:
        st.caption(say("files.predictions.sealed"))
