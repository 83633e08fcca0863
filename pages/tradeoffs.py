import streamlit as st

from app import (
    tradeoffs_budget,
    tradeoffs_compare,
    tradeoffs_data,
    tradeoffs_designer,
    tradeoffs_export,
    tradeoffs_path,
)
from app import tradeoffs_choice as ask
from app import tradeoffs_views as views
from app.texts import say, show_error
from app.tradeoffs_choice import Choice, Studies
from kd_core.errors import KDLabError
from kd_core.study.models_frame import metrics_in

VIEWS = ("table", "parallel", "path", "compare", "estimates", "designer", "export")


def choose(studies: Studies) -> Choice:
    """Device, axes, reference and limits, in this order."""
    at = tradeoffs_data.version()
    place = ask.device()
    group = ask.comparable_group(studies, at)
    with st.expander(say("tradeoffs.axes"), icon=":material/tune:"):
        metric, x, area, log, expanded = ask.axes(studies, at)
        reference, shape = ask.reference(studies, at, group)
    table = tradeoffs_data.drawn(studies, at, place, shape, metric, group, False)
    with st.container(border=True):
        st.markdown(f"**{say('tradeoffs.allowed')}**")
        budget = tradeoffs_budget.budget(table, metrics_in(table))
    margin = ask.margin(studies)
    return Choice(
        studies, at, place, metric, x, area, log, expanded, group, reference, shape, budget, margin
    )


@st.fragment
def explore(studies: Studies) -> None:
    """Everything that a slider changes, without the rest of the page."""
    try:
        choice = choose(studies)
        found = views.recommended(choice)
        views.recommendation(choice, found)
        views.scatter(choice, found)
        view = st.segmented_control(
            say("tradeoffs.view"),
            VIEWS,
            default="table",
            required=True,
            format_func=lambda name: say(f"tradeoffs.view.{name}"),
            label_visibility="collapsed",
            key="view",
            bind="query-params",
        )
        show(view, choice, found)
    except KDLabError as error:
        show_error(error)


def show(view: str, choice: Choice, found: views.Found) -> None:
    """One view below the scatter."""
    if view == "table":
        views.table(choice)
    elif view == "parallel":
        views.parallel(choice)
    elif view == "path":
        tradeoffs_path.show(choice, found)
    elif view == "compare":
        tradeoffs_compare.show(choice, found)
    elif view == "estimates":
        views.estimates(choice)
    elif view == "designer":
        tradeoffs_designer.show(choice)
    else:
        tradeoffs_export.show(choice, found)


st.title(say("page.tradeoffs"))
st.caption(say("tradeoffs.about"))
chosen = ask.studies()
if chosen:
    explore(chosen)
else:
    st.info(say("tradeoffs.none"))
