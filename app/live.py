"""Following a study: states, progress, curves as they grow, and the ways to stop it."""

from __future__ import annotations

import altair as alt
import pandas as pd
import streamlit as st

from app import distil_live
from app.services import ask, services
from app.texts import number, say, separators
from app.visitor import may_change
from kd_core.study.curves import Curves
from kd_core.study.rows import ACTIVE, RESUMABLE, RunRow
from kd_core.tasks import TASKS

ICONS = {
    "queued": ":material/schedule:",
    "waiting": ":material/hourglass_empty:",
    "running": ":material/play_arrow:",
    "paused": ":material/pause:",
    "interrupted": ":material/power_off:",
    "blocked": ":material/block:",
    "cancelled": ":material/stop:",
    "failed": ":material/error:",
    "finished": ":material/check_circle:",
}
PALETTE = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#000000", "#999999"]


def follow(study_id: str) -> None:
    """The live view of one study: refreshed every second while it is active, still afterwards."""
    runs = services().store.runs(study=study_id)
    active = any(run.status in ACTIVE for run in runs)
    st.fragment(_follow, run_every="1s" if active else None)(study_id, active)


def _follow(study_id: str, was_active: bool) -> None:
    runs = services().store.runs(study=study_id)
    active = any(run.status in ACTIVE for run in runs)
    if was_active and not active:
        st.rerun()
    _overall(runs)
    _buttons(runs)
    left, right = st.columns([2, 3])
    with left, st.container(height=430):
        for run in runs:
            _row(run)
    with right:
        _curves(study_id, runs)


def _overall(runs: list[RunRow]) -> None:
    done = sum(run.status == "finished" for run in runs)
    share = sum(_share(run) for run in runs) / max(1, len(runs))
    left_s = max((run.left_s or 0 for run in runs if run.status == "running"), default=0)
    text = say("live.overall", done=done, n=len(runs))
    if left_s:
        text += " · " + say("live.left", left=left_s)
    st.progress(min(1.0, share), text=text)


def _share(run: RunRow) -> float:
    if run.status == "finished":
        return 1.0
    if run.stage != "train" or not run.total:
        return 0.0 if run.stage in (None, "data") else 0.95
    return 0.95 * (run.done or 0) / run.total


def _buttons(runs: list[RunRow]) -> None:
    mine = [run for run in runs if may_change(run.owner)]
    going = [run for run in mine if run.status in ACTIVE]
    halted = [run for run in mine if run.status in RESUMABLE]
    with st.container(horizontal=True):
        if going and st.button(say("live.stop"), icon=":material/stop:", key="live-stop"):
            for run in going:
                ask(run.id, "cancel")
        running = [run for run in going if run.status == "running"]
        if running and st.button(say("live.pause"), icon=":material/pause:", key="live-pause"):
            for run in running:
                ask(run.id, "pause")
        if halted and st.button(
            say("live.resume"), icon=":material/play_arrow:", key="live-resume"
        ):
            for run in halted:
                ask(run.id, "resume")
            st.rerun()


def _row(run: RunRow) -> None:
    state = say(f"status.{run.status}")
    if run.status == "running" and run.stage:
        state = say(f"stage.{run.stage}")
    if run.request:
        state = say(f"request.{run.request}")
    st.markdown(f"{ICONS[run.status]} **{run.key}** · {state}")
    if run.status == "running" and run.total:
        left = f" · {number(run.left_s, 'seconds')}" if run.left_s else ""
        steps = say("live.steps", done=run.done, total=run.total) if run.stage == "train" else " "
        st.progress(min(1.0, (run.done or 0) / run.total), text=f"{steps}{left}")
    if run.error is not None:
        st.caption(say(run.error.msg))
    if run.status == "queued":
        place = services().jobs.place(run.id)
        if place is not None:
            known = "live.place" if place.starts_in_s is not None else "live.place_only"
            st.caption(say(known, place=place.position, starts=place.starts_in_s))


def curves_of(run_id: str) -> Curves:
    """A run's curves so far; only what is new is read."""
    kept: dict[str, Curves] = st.session_state.setdefault("curves", {})
    curves = kept.get(run_id, Curves())
    new = services().store.events(run_id, curves.offset)
    kept[run_id] = curves.extended(new.events, new.offset)
    return kept[run_id]


def _curves(study_id: str, runs: list[RunRow]) -> None:
    started = [run for run in runs if run.started is not None]
    if not started:
        st.info(say("live.no_curves"), icon=":material/hourglass_empty:")
        return
    epochs = [
        part.assign(run=f"{run.key} · {name}" if name else run.key)
        for run in started
        for name, part in networks(curves_of(run.id).epochs).items()
    ]
    table = pd.concat(epochs, ignore_index=True) if epochs else pd.DataFrame()
    if table.empty:
        st.info(say("live.no_epoch"), icon=":material/hourglass_empty:")
        return
    metric = _metric(study_id, table)
    name = say(f"metric.{metric.removeprefix('val.')}.title")
    st.altair_chart(_chart(table, metric, say("live.val_metric", metric=name)), key="live-val")
    running = next((run for run in reversed(started) if run.status == "running"), started[-1])
    _loss_parts(running)
    distil_live.details(running)


def networks(epochs: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The epochs of each network of a run: the student's under an empty name, others by theirs.

    A column of another network is called ``peer-1/val.accuracy``.
    """
    names = dict.fromkeys(str(c).rpartition("/")[0] for c in epochs.columns)
    found = {}
    for name in names:
        start = f"{name}/" if name else ""
        columns = {c: str(c).removeprefix(start) for c in epochs.columns}
        mine = [c for c in epochs.columns if str(c).rpartition("/")[0] == name or c == "epoch"]
        found[name] = epochs[mine].rename(columns=columns)
    return found


def _metric(study_id: str, table: pd.DataFrame) -> str:
    """The validation metric that chooses the checkpoint."""
    study = services().store.study(study_id).settings
    chosen = study.train.select_metric
    if chosen == "auto":
        chosen = TASKS[services().library.get(study.data.dataset).task].select_metric
    return f"val.{chosen}" if f"val.{chosen}" in table.columns else "val.loss"


def _loss_parts(run: RunRow) -> None:
    table = curves_of(run.id).steps
    parts = [c for c in table.columns if c.rpartition("/")[2].startswith("loss.")]
    if table.empty or not parts:
        return
    long = table.melt("step", parts, "run", "loss").dropna()
    long["run"] = long["run"].map(distil_live.part_name)
    st.altair_chart(
        _chart(long, "loss", say("live.loss_parts", run=run.key), "step"), key="live-loss"
    )


def _chart(table: pd.DataFrame, y: str, title: str, x: str = "epoch") -> alt.Chart:
    y_field = y.replace(".", "\\.")
    decimal, thousands = separators()
    figures = alt.NumberLocale(
        decimal=decimal, thousands=thousands, grouping=[3], currency=["", ""]
    )
    return (
        alt.Chart(table, title=title, height=190)
        .mark_line(point=x == "epoch")
        .encode(
            alt.X(x, title=say(f"axis.{x}"), axis=alt.Axis(tickMinStep=1)),
            alt.Y(y_field, title=None, scale=alt.Scale(zero=False)),
            alt.Color("run", title=None, scale=alt.Scale(range=PALETTE)),
        )
        .configure(locale=alt.Locale(number=figures))
    )
