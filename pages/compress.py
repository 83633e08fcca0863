import streamlit as st

from app import (
    compress_form,
    compress_presets,
    compress_results,
    compress_sensitivity,
    compress_start,
    live,
    readings,
    results_views,
)
from app.form import Form
from app.services import services
from app.texts import say, show_error
from kd_core.errors import KDLabError


def configure(wanted: str) -> None:
    """Choose a finished model and the steps, see what they would give, start."""
    study = compress_form.choose_study(wanted)
    choices = compress_form.origins(study) if study is not None else {}
    if study is None or not choices:
        st.info(say("compress.none"))
        st.page_link("../pages/distil.py", label=say("page.distil"), icon=":material/school:")
        return
    with st.expander(say("compress.questions"), icon=":material/quiz:"):
        compress_presets.show(study, choices)
    form = Form(compress_form.FORM, compress_form.start_document())
    left, right = st.columns([5, 3], gap="large")
    with left:
        group = compress_form.choose_origin(form, choices)
        st.subheader(say("compress.steps"))
        compress_form.edit_steps(form, compress_start.refused(study, group[0]))
    with right:
        compress_start.show(study, form, group)
        first = form.document["steps"][0]["method"]
        compress_sensitivity.offer(study, compress_form.chosen(form, group), first)


def watch(study_id: str) -> None:
    """Follow one study that compresses, and read what came out."""
    study = services().store.study(study_id)
    st.subheader(study.name)
    live.follow(study_id)
    compress_sensitivity.show(study_id)
    _, found = readings.read_study(study_id)
    if found:
        metric = readings.metric_names(found[0])[0]
        reading = readings.Reading(study, found, "val", metric)
        st.caption(say("compress.metric", metric=say(f"metric.{metric}.title")))
        compress_results.show(reading)
        if compress_results.chains_of(reading):
            results_views.trade_off(reading)
    with st.container(horizontal=True):
        st.page_link(
            "../pages/results.py",
            label=say("distil.to_results"),
            icon=":material/insights:",
            query_params={"study": study_id},
        )
        leave()


def leave() -> None:
    """Back to the form."""
    if st.button(say("compress.new"), icon=":material/add:"):
        st.query_params.pop("follow", None)
        st.rerun()


st.title(say("page.compress"))
study_in_address = st.query_params.get("study", "")
try:
    if study_in_address and st.query_params.get("follow"):
        watch(study_in_address)
    else:
        st.caption(say("compress.about"))
        configure(study_in_address)
except KDLabError as problem:
    show_error(problem)
    if st.query_params.get("follow"):
        leave()
