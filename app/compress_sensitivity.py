"""How much each layer can lose: started as a job, shown as curves, used as shares by layer."""

from __future__ import annotations

import math

import streamlit as st

from app import compress_form, results_stamp
from app.form import Form
from app.services import services, submit
from app.texts import say, show_error
from app.theme import is_dark
from kd_core.compress import COMPRESSORS
from kd_core.compress.sensitivity import Sensitivity, as_param, propose
from kd_core.errors import KDLabError
from kd_core.figures import lines_figure, lines_info
from kd_core.study.analysis import plan_analysis, read_sensitivity
from kd_core.study.results import Result
from kd_core.study.rows import RunRow, StudyRow


def offer(study: StudyRow, result: Result, method: str) -> None:
    """A button that looks at a model, for methods that take channels away."""
    if method not in COMPRESSORS or COMPRESSORS[method].family != "prune":
        return
    if st.button(
        say("sensitivity.start"),
        icon=":material/stacked_line_chart:",
        help=say("sensitivity.start.help"),
        width="stretch",
    ):
        _start(study, result, method)


def _start(study: StudyRow, result: Result, method: str) -> None:
    name = say("sensitivity.study", name=result.label, method=compress_form.method_name(method))
    try:
        made = plan_analysis(services().store, study.id, result.run.id, method, name[:120])
        started = submit(made.study, reuse=True, runs=made.runs)
    except KDLabError as error:
        show_error(error)
        return
    st.session_state["study"] = started
    st.query_params["study"] = started
    st.query_params["follow"] = "1"
    st.rerun()


def show(study_id: str) -> bool:
    """The curves of a study's finished analyses; whether there are any."""
    shown = False
    for run in services().store.runs(study=study_id):
        found = read_sensitivity(services().store.folder(run.id))
        if run.role == "analysis" and run.status == "finished" and found is not None:
            _curves(found, run)
            shown = True
    if shown:
        results_stamp.show_studies((study_id,))
    return shown


def _curves(found: Sensitivity, run: RunRow) -> None:
    metric = say(f"metric.{found.metric}.title")
    st.markdown(say("sensitivity.about", metric=metric, n=found.images, whole=found.whole))
    whole = math.nan if found.whole is None else found.whole
    curves = {
        curve.layer: [
            (0.0, whole),
            *zip(
                curve.ratios,
                (math.nan if value is None else value for value in curve.scores),
                strict=True,
            ),
        ]
        for curve in found.curves
    }
    info = lines_info("axis.ratio", "axis.score", curves)
    st.plotly_chart(
        lines_figure(info, say, is_dark()), width="stretch", theme=None, key=f"curves-{run.id}"
    )
    if info.left_out:
        st.caption(say("results.left_out", names=list(info.left_out)))
    drop = st.slider(say("sensitivity.drop"), 0.0, 10.0, 1.0, 0.5, key=f"drop-{run.id}")
    ratios = propose(found, drop / 100)
    st.caption(say("sensitivity.proposed", n=len(ratios), all=len(found.curves)))
    st.button(
        say("sensitivity.use"),
        disabled=not ratios,
        on_click=_use,
        args=(found.method, as_param(ratios)),
        key=f"use-{run.id}",
    )


def _use(method: str, layers: str) -> None:
    """Back to the form, with these shares in its first step."""
    document = st.session_state.get(compress_form.KEPT) or compress_form.start_document()
    step = compress_form.new_step(method)
    step["params"]["layers"] = layers
    document["steps"] = [step]
    Form.load(compress_form.FORM, document)
    st.query_params.pop("follow", None)
