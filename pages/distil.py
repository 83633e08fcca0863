import streamlit as st

from app import (
    distil_arms,
    distil_comparison,
    distil_losses,
    distil_map,
    distil_more,
    live,
    presets,
    study_form,
)
from app.cost import show_cost
from app.form import Form
from app.services import services, submit
from app.texts import say, show_error
from kd_core.config import StudySettings
from kd_core.errors import KDLabError
from kd_core.study.cost import OVERHEAD_S
from kd_core.study.submit import equal_runs

FORM = "distil"


def configure() -> None:
    """Choose, see what it costs, start."""
    if not services().library.names():
        st.info(say("distil.no_data"))
        return
    form = Form(FORM, presets.default_study().to_json())
    left, right = st.columns([5, 2], gap="large")
    with left:
        task = _choices(form)
        form.keep()
    with right:
        _start(form, task)
    _configuration(form)


def _choices(form: Form) -> str:
    presets.choose(FORM)
    datasets = services().library.names()
    st.subheader(say("distil.step.data"))
    name = study_form.data_controls(form, datasets)
    dataset = services().library.get(name)
    st.subheader(say("distil.step.models"))
    study_form.model_controls(form, presets.finished_teachers(dataset.hash))
    st.subheader(say("distil.step.loss"))
    place = distil_arms.chosen(form)
    distil_losses.loss_controls(form, place, dataset.task)
    distil_map.answer(form, place)
    distil_more.more(form, place, dataset.task)
    st.subheader(say("distil.step.budget"))
    study_form.budget_controls(form, dataset.part_sizes["train"])
    with st.expander(say("distil.details"), icon=":material/tune:"):
        study_form.detail_controls(form, dataset.task, [d for d in datasets if d != name])
    return dataset.task


def _start(form: Form, task: str) -> None:
    with st.container(border=True):
        form.edit(st.text_input, "name", say("distil.name"), max_chars=120)
        try:
            study = StudySettings.from_json(form.document)
            presets.check(study, task)
        except KDLabError as error:
            show_error(error)
            return
        cost = show_cost(study)
        if cost is not None:
            distil_arms.remember_ratios(study, cost.runs, OVERHEAD_S)
        equal = equal_runs(services().store, presets.tied(study))
        reuse = bool(equal) and st.toggle(
            say("distil.reuse", n=len(equal)), value=True, help=say("distil.reuse.help")
        )
        if st.button(say("distil.start"), type="primary", width="stretch"):
            _submit(study, reuse, cost.runs if cost else None)


def _submit(study: StudySettings, reuse: bool, expected_s: dict[str, float] | None) -> None:
    try:
        st.session_state["study"] = submit(study, reuse=reuse, expected_s=expected_s)
    except KDLabError as error:
        show_error(error)
        return
    st.query_params["study"] = st.session_state["study"]
    st.rerun()


def _configuration(form: Form) -> None:
    with st.expander(say("distil.configuration"), icon=":material/data_object:"):
        st.caption(say("distil.configuration.about"))
        study = presets.tied_document(form.document)
        st.code(presets.as_text(study), language="json", height=260)
        pasted = st.text_area(say("distil.paste"), key="distil-paste", height=120)
        st.button(say("distil.paste.use"), on_click=_paste, args=(pasted,), disabled=not pasted)
        problem = st.session_state.pop("distil-paste-error", None)
        if problem is not None:
            show_error(problem)


def _paste(text: str) -> None:
    try:
        study = StudySettings.from_json(text)
        presets.check_pasted(study)
        Form.load(FORM, study.to_json())
    except KDLabError as error:
        st.session_state["distil-paste-error"] = error


def watch(study_id: str) -> None:
    """Follow one study."""
    study = services().store.study(study_id)
    st.subheader(study.name)
    live.follow(study_id)
    with st.container(horizontal=True):
        st.page_link(
            "../pages/results.py",
            label=say("distil.to_results"),
            icon=":material/insights:",
            query_params={"study": study_id},
        )
        leave()
    if study.finished and not study.active:
        distil_map.offer(study_id)
        distil_comparison.offer_study(study_id)


def leave() -> None:
    """Back to the form: the session and the address forget the study."""
    if st.button(say("distil.new"), icon=":material/add:"):
        st.session_state.pop("study", None)
        st.query_params.pop("study", None)
        st.rerun()


st.title(say("page.distil"))
followed = st.query_params.get("study", "")
try:
    if followed:
        watch(followed)
    else:
        st.caption(say("distil.about"))
        configure()
except KDLabError as problem:
    show_error(problem)
    if followed:
        leave()
