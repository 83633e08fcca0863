import streamlit as st

from app import (
    distil_comparison,
    readings,
    results_harm,
    results_operating,
    results_robustness,
    results_supplement,
    results_test,
    results_views,
    results_write,
    run_views,
    study_files,
)
from app.readings import Reading
from app.services import services
from app.texts import say, show_error
from kd_core.errors import KDLabError
from kd_core.study.results import Level, Result, visible
from kd_core.study.rows import StudyRow
from kd_core.study.stamp import part_msg


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


def choose_reading(study: StudyRow, found: tuple[Result, ...]) -> Reading:
    """Metric, part, and whether an answer is for an image or a patient."""
    columns = st.columns(3)
    names = readings.metric_names(found[0])
    metric = columns[0].selectbox(
        say("results.metric"),
        names,
        format_func=lambda name: say(f"metric.{name}.title"),
        help=say(f"metric.{st.session_state.get('results-metric') or names[0]}.about"),
        key="results-metric",
    )
    externals = [f"external-{name}" for name in study.settings.data.external]
    parts = ["val", *(["test", *externals] if study.test_opened_at else [])]
    part = columns[1].selectbox(
        say("results.part"), parts, format_func=lambda name: say(part_msg(name)), key="results-part"
    )
    known = readings.patients_known(study.id, found[0].run.id)
    levels: tuple[Level, ...] = ("image", "mean", "max") if known else ("image",)
    level = columns[2].selectbox(
        say("results.level"),
        levels,
        format_func=lambda name: say(f"results.level.{name}"),
        help=say("results.level.help" if known else "results.level.unknown"),
        disabled=not known,
        key="results-level",
    )
    return Reading(study, visible(found, part), part, metric, level)


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
    if not reading.results:
        st.info(say("results.nothing_chosen"))
        return
    try:
        results_views.headline(reading)
    except KDLabError as error:  # no patients, or a part that a run has not seen
        show_error(error)
        return
    results_views.verdicts(reading)
    results_views.trade_off(reading)
    distil_comparison.offer(reading)
    section(reading, found)


SECTIONS = ("models", "compare", "statistics", "operating", "harm", "robust", "test", "write",
            "files")  # fmt: skip


def section(reading: Reading, found: tuple[Result, ...]) -> None:
    """One section at a time: nothing is computed for one that nobody looks at."""
    chosen = st.segmented_control(
        say("results.section"),
        SECTIONS,
        default="models",
        required=True,
        format_func=lambda name: say(f"results.tab.{name}"),
        key="results-section",
        label_visibility="collapsed",
    )
    if chosen == "models":
        detail(reading, results_views.run_table(reading))
    elif chosen == "test":
        results_test.show(reading, found)
    else:
        shows = {
            "compare": run_views.compare,
            "statistics": results_supplement.show,
            "operating": results_operating.show,
            "harm": results_harm.show,
            "robust": results_robustness.show,
            "write": results_write.show,
            "files": study_files.show,
        }
        shows[chosen](reading)


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
