import streamlit as st

from app import readings, results_views, run_views, study_files
from app.readings import Reading
from app.services import services
from app.texts import say, show_error
from kd_core.errors import KDLabError
from kd_core.study.rows import StudyRow


def choose_study() -> str | None:
    """The study of the address, or the one chosen here."""
    studies = {study.id: study for study in services().store.studies()}
    if not studies:
        st.info(say("results.none"))
        return None
    wanted = st.query_params.get("study", "")
    if st.session_state.get("results-study") not in studies or wanted in studies:
        st.session_state["results-study"] = wanted if wanted in studies else next(iter(studies))
    chosen: str = st.selectbox(
        say("results.study"),
        list(studies),
        key="results-study",
        on_change=remember,
        format_func=lambda key: say(
            "results.study.line",
            name=studies[key].name,
            finished=studies[key].finished,
            n=studies[key].runs,
        ),
    )
    return chosen


def remember() -> None:
    """Put the chosen study into the address."""
    st.session_state["study"] = st.session_state["results-study"]
    st.query_params["study"] = st.session_state["results-study"]


def choose_reading(study: StudyRow, found: tuple[readings.Result, ...]) -> Reading:
    """Metric and part."""
    left, right = st.columns(2)
    names = readings.metric_names(found[0])
    with left:
        metric = st.selectbox(
            say("results.metric"),
            names,
            format_func=lambda name: say(f"metric.{name}.title"),
            help=say(f"metric.{st.session_state.get('results-metric') or names[0]}.about"),
            key="results-metric",
        )
    externals = [f"external-{name}" for name in study.settings.data.external]
    parts = ["val", *(["test", *externals] if study.test_opened_at else [])]
    with right:
        part = st.selectbox(
            say("results.part"),
            parts,
            format_func=lambda name: (
                say(f"part.{name}")
                if not name.startswith("external-")
                else name.removeprefix("external-")
            ),
            key="results-part",
        )
    return Reading(study, found, part, metric)


def show(study_id: str) -> None:
    """Everything about one study."""
    study, found = readings.read_study(study_id)
    results_views.protocol(study)
    if study.active:
        st.page_link(
            "../pages/distil.py",
            label=say("results.active", n=study.active),
            icon=":material/hourglass_top:",
            query_params={"study": study_id},
        )
    if not found:
        st.info(say("results.empty"))
        return
    if services().store.record(found[0].run.id).data.synthetic:
        st.info(say("data.synthetic"), icon=":material/science:")
    reading = choose_reading(study, found)
    results_views.headline(reading)
    results_views.verdicts(reading)
    results_views.trade_off(reading)
    tabs = st.tabs([say(f"results.tab.{n}") for n in ("models", "compare", "test", "files")])
    with tabs[0]:
        detail(reading, results_views.run_table(reading))
    with tabs[1]:
        run_views.compare(reading)
    with tabs[2]:
        results_views.test_part(study, reading)
    with tabs[3]:
        study_files.show(reading)


def detail(reading: Reading, chosen: tuple[str, str] | None) -> None:
    """The model that was chosen in the table, or that the address names."""
    if chosen:
        st.session_state["run"], st.session_state["model"] = chosen
        st.query_params["run"], st.query_params["model"] = chosen
    wanted, name = st.query_params.get("run", ""), st.query_params.get("model", "")
    of_run = [r for r in reading.results if r.run.id == wanted]
    found = next((r for r in of_run if r.model.name == name), of_run[-1] if of_run else None)
    if found is None:
        st.caption(say("results.choose"))
    else:
        run_views.detail(reading, found)


st.title(say("page.results"))
try:
    chosen_study = choose_study()
    if chosen_study:
        show(chosen_study)
except KDLabError as error:
    show_error(error)
