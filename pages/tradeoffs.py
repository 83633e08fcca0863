from dataclasses import replace

import streamlit as st

from app import (
    address,
    tradeoffs_budget,
    tradeoffs_compare,
    tradeoffs_data,
    tradeoffs_designer,
    tradeoffs_export,
    tradeoffs_path,
    tradeoffs_table,
)
from app import tradeoffs_choice as ask
from app import tradeoffs_views as views
from app.texts import say, show_error
from app.tradeoffs_choice import Choice, Studies
from kd_core.errors import KDLabError
from kd_core.study.budget import Budget
from kd_core.study.models_frame import metrics_in

VIEWS = ("table", "parallel", "path", "compare", "estimates", "designer", "export")


def choose(studies: Studies) -> Choice:
    """Device, axes and reference, in this order; the limits follow in :func:`explore`."""
    at = tradeoffs_data.version()
    place = ask.device()
    group = ask.comparable_group(studies, at)
    # what is closed costs a visitor nothing: its choices are looked up in the address
    with st.expander(
        say("tradeoffs.axes"), icon=":material/tune:", key="axes", on_change="rerun"
    ) as axes:
        metric, x, area, log, expanded = ask.axes(studies, at, bool(axes.open))
        reference, shape = ask.reference(studies, at, group, bool(axes.open))
    margin = ask.margin(studies)
    return Choice(
        studies,
        at,
        place,
        metric,
        x,
        area,
        log,
        expanded,
        group,
        reference,
        shape,
        Budget(),
        margin,
    )


@st.fragment
def explore(base: Choice) -> None:
    """Everything that a slider changes, without the rest of the page."""
    try:
        table = base.collapsed()
        with st.container(border=True):
            st.markdown(f"**{say('tradeoffs.allowed')}**")
            budget = tradeoffs_budget.budget(table, metrics_in(table))
        choice = replace(base, budget=budget)
        found = views.recommended(choice)
        views.recommendation(choice, found)
        views.scatter(choice, found)
        view = address.choice(
            st,
            say("tradeoffs.view"),
            VIEWS,
            "view",
            kind="segmented_control",
            required=True,
            format_func=lambda name: say(f"tradeoffs.view.{name}"),
            label_visibility="collapsed",
        )
        show(view, choice, found)
    except KDLabError as error:
        show_error(error)


def show(view: str, choice: Choice, found: views.Found) -> None:
    """One view below the scatter."""
    if view == "table":
        tradeoffs_table.show(choice)
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
    try:
        asked = choose(chosen)
    except KDLabError as error:
        show_error(error)
    else:
        explore(asked)
else:
    st.info(say("tradeoffs.none"))
