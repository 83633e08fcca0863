"""The recommendation in words, the scatter, the table, the parallel coordinates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from app import results_stamp
from app import tradeoffs_data as data
from app.texts import language, say
from app.theme import is_dark
from app.tradeoffs_choice import Choice
from kd_core.errors import KDLabError
from kd_core.figures.estimates import estimates_figure, estimates_info
from kd_core.figures.landscape import Landscape, landscape_info
from kd_core.figures.landscape_look import BARS_UP_TO, landscape_figure
from kd_core.figures.parallel import parallel_figure, parallel_info
from kd_core.study.budget import Budget
from kd_core.study.costs import THIS_MACHINE, cost_of
from kd_core.study.recommend import (
    Recommendation,
    believe,
    headline,
    higher_is_better,
    name_of,
    reasons,
    recommend,
    sentence,
    time_msg,
)
from kd_core.text import Msg

MOST_OTHERS = 2
"""Sentences about other runtimes."""

PICTURE = {"toImageButtonOptions": {"format": "svg", "filename": "kd-lab"}, "displaylogo": False}
PARALLEL = (
    "set.size", "architecture", "set.losses", "set.alpha", "set.T", "set.lr", "set.epochs",
    "set.chain", "precision", "size_bytes", "latency_ms", "value",
)  # fmt: skip


def place_titles(choice: Choice) -> tuple[Msg, Msg]:
    """Device and runtime as messages."""
    place = choice.place
    return data.title(place.device), Msg(f"runtime.{place.runtime or 'onnxruntime'}")


# --- the recommendation -------------------------------------------------------------------------


Found = tuple[pd.DataFrame, Recommendation]


def recommended(choice: Choice) -> Found:
    """Candidates within the limits, and what the rule takes of them."""
    return _recommended(choice.key, choice)


@st.cache_resource(show_spinner=False, max_entries=24)
def _recommended(key: tuple[Any, ...], _choice: Choice) -> Found:
    table = _choice.collapsed()
    within = table[_choice.budget.within(table)].reset_index(drop=True)
    return within, recommend(within, _choice.metric, _choice.margin)


def lines(choice: Choice, chosen: Found) -> list[Msg]:
    """The recommendation as sentences: what, against the reference, other runtime, why, next."""
    within, found = chosen
    if found.best is None:
        return [Msg("recommend.nothing", {"n": len(choice.collapsed())})]
    row = within.iloc[found.best]
    device, runtime = place_titles(choice)
    said = [sentence(row, choice.metric, device, runtime)]
    of_reference = reference_row(choice)
    if of_reference is not None:
        said.append(headline(row, of_reference))
        if _key(row) != choice.reference:
            against = data.verdict(
                choice.studies, choice.at, _key(row), choice.reference, choice.metric,
                choice.margin,
            )  # fmt: skip
            fields = {"reference": name_of(of_reference), "verdict": against}
            said.append(Msg("recommend.against", fields))
    said += other_runtimes(choice, row)
    cost = data.costs(choice.studies, choice.at, choice.place, choice.reference_shape)
    if row["source"] != "measured" and row["shape"] in cost:
        said += cost[str(row["shape"])].why
    said.append(reasons(found, within, choice.metric, choice.margin))
    if found.runner_up is not None:
        second = sentence(within.iloc[found.runner_up], choice.metric, device, runtime)
        said.append(Msg("recommend.runner_up", {"line": second}))
    return said


def _key(row: pd.Series) -> tuple[str, ...]:
    return (row["study"], row["arm"], row["name"])


def reference_row(choice: Choice) -> pd.Series | None:
    """The reference among the candidates."""
    without_limits = replace(choice, budget=Budget())
    return _reference_row(without_limits.key, without_limits)


@st.cache_resource(show_spinner=False, max_entries=48)
def _reference_row(key: tuple[Any, ...], _choice: Choice) -> pd.Series | None:
    table = _choice.collapsed()
    study, arm, name = _choice.reference
    same = (table["study"] == study) & (table["arm"] == arm) & (table["name"] == name)
    return table[same].iloc[0] if same.any() else None


def other_runtimes(choice: Choice, row: pd.Series) -> list[Msg]:
    """Where the chosen runtime is no tier A, what one of tier A would say, and which to believe."""
    place = choice.place
    work = data.works(choice.studies, choice.at).get(str(row["shape"]))
    device = data.devices().get(place.device)
    if work is None or device is None or row["source"] != "estimated" or row["tier"] == "A":
        return []
    chosen = place.runtime or device.runtimes[0].name
    said: list[Msg] = []
    for runtime in device.runtimes:
        if runtime.name == chosen or len(said) >= MOST_OTHERS:
            continue
        other = data.Place(place.device, runtime.name)
        cost = cost_of(work, other.target, device)
        if cost.source == "estimated" and cost.tier == "A":
            costs = {c: getattr(cost, c) for c in ("low_ms", "high_ms", "tier", "source")}
            counts = {"n_networks": cost.n_networks, "n_rows": cost.n_rows}
            time = time_msg(
                pd.Series({**costs, **counts}),
                data.title(place.device),
                Msg(f"runtime.{runtime.name}"),
            )
            said.append(Msg("recommend.other_runtime", {"time": time}))
            said += believe((row["low_ms"], row["high_ms"]), cost, chosen, runtime.name)
    return said


def recommendation(choice: Choice, chosen: Found) -> None:
    """The sentences; the first one large."""
    first, *others = lines(choice, chosen)
    with st.container(border=True):
        st.markdown(f"##### {say(first)}")
        for msg in others:
            st.markdown(say(msg))
        st.caption(say("recommend.validation"))


# --- the figures --------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False, max_entries=200)
def _drawn(
    key: tuple[Any, ...], spoken: str, dark: bool, _choice: Choice, _best: pd.Series | None
) -> tuple[Landscape, go.Figure]:
    """What is drawn and how it looks: once for all visitors who choose the same."""
    table = _choice.table()
    info = landscape_info(
        table,
        _choice.x,
        _choice.metric,
        higher_is_better=higher_is_better(_choice.metric),
        area=_choice.area,
        log=_choice.log,
        chosen=None if _best is None else (_best["run"], _best["name"]),
        keep=_choice.budget.within(table),
    )
    return info, landscape_figure(info, say, dark)


def scatter(choice: Choice, chosen: Found) -> None:
    """Accuracy against the cost; a click opens the run."""
    within, found = chosen
    best = None if found.best is None else within.iloc[found.best]
    info, figure = _drawn(choice.key, language(), is_dark(), choice, best)
    if not info.dots:
        st.info(say("tradeoffs.nothing_to_draw", what=say(f"limit.{choice.x}")))
        return
    event = st.plotly_chart(
        figure,
        width="stretch",
        theme=None,
        key="landscape",
        on_select="rerun",
        selection_mode="points",
        config=PICTURE,
        alt=say("results.alt"),
    )
    said = [say("tradeoffs.scatter.about")]
    if len(info.dots) > BARS_UP_TO:
        said.append(say("tradeoffs.bars"))
    if info.left_out:
        said.append(say("tradeoffs.shaded", n=info.left_out, shown=len(info.dots)))
    if info.unknown:
        said.append(say("tradeoffs.unknown", n=info.unknown, what=say(f"limit.{choice.x}")))
    st.caption(" ".join(said))
    results_stamp.show_studies(choice.studies)
    _open(event, choice)


def _open(event: Any, choice: Choice) -> None:
    """Go to the run of the point that was clicked."""
    points = event["selection"]["points"] if event else []
    run = next((p["customdata"][0] for p in points if p.get("customdata")), None)
    if run is None:
        return
    table = choice.table()
    study = table.loc[table["run"] == run, "study"]
    if len(study):
        st.session_state["study"], st.session_state["run"] = str(study.iloc[0]), str(run)
        st.switch_page(
            "../pages/results.py", query_params={"study": str(study.iloc[0]), "run": str(run)}
        )


def parallel(choice: Choice) -> None:
    """Settings and results as lines; drag along an axis to keep a range."""
    table = choice.table()
    within = table[choice.budget.within(table)]
    info = parallel_info(
        within, PARALLEL, choice.metric, higher_is_better=higher_is_better(choice.metric)
    )
    if len(info.axes) < 2:
        st.info(say("tradeoffs.parallel.none"))
        return
    st.plotly_chart(
        parallel_figure(info, say, is_dark()),
        width="stretch",
        theme=None,
        key="parallel",
        config=PICTURE,
    )
    st.caption(say("tradeoffs.parallel.about"))
    if info.left_out:
        st.caption(say("tradeoffs.left_out", n=info.left_out, shown=len(info.colour)))
    results_stamp.show_studies(choice.studies)


# --- how good the estimates are -----------------------------------------------------------------


def estimates(choice: Choice) -> None:
    """Predicted against published latencies of networks that the fit had not seen."""
    place = choice.place
    device = "" if place.device == THIS_MACHINE else place.device
    try:
        info = estimates_info(device, place.runtime)
    except KDLabError as error:
        st.info(say(error.msg))
        return
    if not info.device and device:
        st.info(say("tradeoffs.estimates.elsewhere", device=say(data.title(device))))
    st.markdown(say("tradeoffs.estimates.error", median=info.median_error, within=info.within_20))
    # said above; in the figure it would stand on the legend
    figure = estimates_figure(info, say, is_dark()).update_layout(title=None)
    st.plotly_chart(figure, width="stretch", theme=None, key="estimates", config=PICTURE)
    if info.worst:
        st.caption(say("tradeoffs.estimates.worst", names=[name for name, _ in info.worst]))
