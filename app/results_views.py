"""The parts of the Results page."""

from __future__ import annotations

import math
from collections.abc import Sequence

import streamlit as st

from app import compress_results, patience, readings, results_points, results_stamp
from app.readings import Reading
from app.texts import number, say
from app.theme import is_dark
from kd_core.evaluate import METRICS
from kd_core.evaluate.paired import p_msg
from kd_core.evaluate.rare import SCARCE
from kd_core.figures import trade_off_figure, trade_off_info
from kd_core.figures.chain_path import add_paths, chain_paths
from kd_core.figures.trade_off import Axis
from kd_core.study.graph import stored_views
from kd_core.study.rows import StudyRow
from kd_core.text import Msg

CARDS = 5
"""Cards side by side."""

DECIMALS = {
    "value": "%.3f", "low": "%.3f", "high": "%.3f", "size_mb": "%.3g", "params_m": "%.3f",
    "macs_m": "%.1f", "latency_ms": "%.2f", "latency_ms_p95": "%.2f", "images_per_s": "%.0f",
    "memory_mb": "%.0f", "energy_mj": "%.1f", "gzip_mb": "%.3g", "nonzero_m": "%.3f",
}  # fmt: skip
"""As many as the figures are good for."""

AXES: tuple[Axis, ...] = ("size_bytes", "latency_ms", "macs", "params")


def protocol(study: StudyRow) -> None:
    """All that must be equal before two numbers may be ranked, in one line."""
    settings = study.settings
    views = stored_views(settings)
    st.caption(
        say(
            "results.protocol",
            data=settings.data.dataset,
            hash=study.data_hash[:10],
            size=settings.data.size,
            epochs=settings.train.epochs,
            views=say("results.views.live") if views is None else say("results.views.k", k=views),
            seeds=Msg("stamp.seeds", {"n": len(settings.seeds)}),
        )
    )


def headline(reading: Reading) -> None:
    """One card an arm: the metric with its interval, the file, the latency."""
    arms = reading.shown_arms
    for arm in patience.one_by_one(list(arms), "results.scoring"):
        readings.arm_score(reading, arm)
    columns = [
        column
        for start in range(0, len(arms), CARDS)
        for column in st.columns(min(CARDS, len(arms)))
    ]
    for column, (arm, group) in zip(columns, arms.items(), strict=False):
        about = readings.arm_summary(reading, group)
        with column, st.container(border=True):
            st.metric(readings.arm_name(arm, group), number(about["mean"], "score"))
            st.caption(_interval(about["low"], about["high"]))
            if about["n"] > 1:
                ends = {"low": about["sd_low"], "high": about["sd_high"]}
                st.caption(say("results.sd", sd=about["sd"], n=about["n"], **ends))
            st.caption(
                say("results.cost", size=about["size"], latency=about["latency"], cpu=about["cpu"])
            )
    left_out(reading.metric, readings.arm_score(reading, next(iter(arms)))[0].left_out)


def _interval(low: float, high: float) -> str:
    if math.isnan(low):
        return say("results.interval.none")
    return say("results.interval", low=low, high=high)


def left_out(metric: str, classes: Sequence[str]) -> None:
    """Which classes a mean leaves out; nothing where it leaves out none."""
    if classes:
        title = say(f"metric.{metric}.title")
        st.caption(say("rare.about", metric=title, classes=list(classes), least=SCARCE))


def verdicts(reading: Reading) -> None:
    """The verdict on every student and on the end of every chain."""
    arms = reading.arms
    pairs = [pair for pair in readings.verdict_pairs(reading) if pair[1] in arms]
    same = [pair for pair in pairs if not results_stamp.protocol_gap(reading, *pair)]
    for pair in patience.one_by_one(same, "results.comparing"):
        readings.verdict(reading, *pair)  # kept, so that the list below is there at once
    corrected = readings.holm_of(reading, same)
    for arm, other in pairs:
        against = readings.arm_name(other, arms[other])
        said = f"**{say('results.against', arm=arm, other=against)}** "
        gap = results_stamp.protocol_gap(reading, arm, other)
        if gap:
            items = [
                say("results.differs.item", item=say(f"protocol.{name}"), one=one, other=two)
                for name, (one, two) in gap.items()
            ]
            st.markdown(said + say("results.differs", items=items))
            continue
        n = sum(pair[1] == other for pair in same)
        found = readings.verdict(reading, arm, other)
        st.markdown(said + say(found.msg) + holm_note(found.p, corrected[arm, other], n))


def holm_note(p: float, corrected: float, n: int) -> str:
    """What Holm's correction makes of a p of a list of n comparisons; nothing for one alone."""
    if n < 2 or math.isnan(p):
        return ""
    return " " + say("results.holm", p=p_msg(corrected), n=n)


def trade_off(reading: Reading) -> None:
    """Accuracy against a cost, with the front."""
    x: Axis = st.segmented_control(
        say("results.x"),
        AXES,
        default="size_bytes",
        required=True,
        format_func=lambda name: say(f"axis.{name}.short"),
        key="results-x",
    )
    area: Axis = "latency_ms" if x == "size_bytes" else "size_bytes"
    unranked = results_stamp.unranked(reading)
    on_validation = reading.part == "val"
    info = trade_off_info(
        results_points.points(reading),
        x,
        reading.metric,
        higher_is_better=METRICS[reading.metric].higher_is_better,
        area=area,
        unranked=unranked if on_validation else tuple(reading.arms),
    )
    figure = trade_off_figure(info, say, is_dark())
    paths = chain_paths(info, list(compress_results.chains_of(reading).items()))
    figure = add_paths(figure, paths) if paths else figure
    st.plotly_chart(figure, width="stretch", theme=None, key="trade-off", alt=say("results.alt"))
    beside = " " + say("results.beside", x=say(f"axis.{x}.short")) if info.has_equal_costs else ""
    st.caption(say("results.trade_off.caption", area=say(f"axis.{area}.short")) + beside)
    if info.left_out:
        st.caption(say("results.left_out", names=list(info.left_out)))
    if not on_validation:
        st.caption(say("results.no_front"))
    elif unranked:
        names = [readings.arm_name(arm, reading.arms[arm]) for arm in unranked]
        st.caption(say("results.unranked", names=names))
    results_stamp.show(reading)


def run_table(reading: Reading) -> tuple[str, str] | None:
    """The table of models; run and name of the model that was chosen in it."""
    table = readings.table(reading)
    hidden = {"run", "name"}
    if table["energy_mj"].isna().all():  # no counter that could be read
        hidden.add("energy_mj")
    shown = st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        key="results-table",
        placeholder="–",
        on_select="rerun",
        selection_mode="single-row",
        column_order=[c for c in table.columns if c not in hidden],
        column_config={
            name: st.column_config.Column(say(f"column.{name}"))
            if name in ("key", "role", "model", "seed", "precision")
            else st.column_config.NumberColumn(say(f"column.{name}"), format=DECIMALS.get(name))
            for name in table.columns
            if name != "name"
        },
    )
    if "energy_mj" in hidden:
        st.caption(say("results.energy_unreadable"))
    results_stamp.show(reading)
    st.download_button(
        say("results.csv"),
        table.to_csv(index=False).encode(),
        "results.csv",
        "text/csv",
        icon=":material/download:",
    )
    rows = shown["selection"]["rows"]
    return (str(table["run"].iloc[rows[0]]), str(table["name"].iloc[rows[0]])) if rows else None
