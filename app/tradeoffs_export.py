"""What can be taken away from the Trade-offs page: tables, a report, the address."""

from __future__ import annotations

import json

import streamlit as st

from app import tradeoffs_views as views
from app.report import offer_report
from app.services import services
from app.texts import in_this_language, say
from app.tradeoffs_choice import Choice
from app.tradeoffs_data import lines_of
from app.tradeoffs_table import plain_table
from kd_core.study.latex import latex_table
from kd_core.study.recommend import metric_msg


def show(choice: Choice, found: views.Found) -> None:
    """Downloads of what remains within the limits."""
    table = plain_table(choice)
    with st.container(horizontal=True):
        st.download_button(
            say("tradeoffs.csv"), table.to_csv(index=False).encode(), "trade-offs.csv", "text/csv",
            icon=":material/table:",
        )  # fmt: skip
        st.download_button(
            say("tradeoffs.json"), lambda: _json(choice, found), "trade-offs.json",
            "application/json",
            icon=":material/data_object:",
        )  # fmt: skip
        st.download_button(
            say("tradeoffs.latex"),
            in_this_language(lambda: latex_table(table, say(metric_msg(choice.metric)), say)),
            "trade-offs.tex",
            "text/plain",
            icon=":material/functions:",
        )
    for study in choice.studies:
        offer_report(
            services().store.study(study),
            choice.metric if ":" not in choice.metric else "",
            [say(line) for line in views.lines(choice, found)],
        )
    st.caption(say("tradeoffs.figures_as"))
    st.caption(say("tradeoffs.address"))


def _json(choice: Choice, found: views.Found) -> str:
    """The table with all that it depends on."""
    place = choice.place
    head = {
        "studies": list(choice.studies),
        "device": place.device,
        "runtime": place.runtime,
        "threads": place.threads,
        "precision": place.precision,
        "metric": choice.metric,
        "part": "val",
        "limits": dict(choice.budget.most),
        "at_least": dict(choice.budget.least),
        "recommendation": [say(line) for line in views.lines(choice, found)],
    }
    return json.dumps({**head, "models": json.loads(lines_of(plain_table(choice)))}, indent=1)
