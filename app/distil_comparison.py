"""What a study says of its methods: sentences, a figure and a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app import distil_cost, readings, results_stamp
from app.distil_cost import short
from app.readings import Reading
from app.services import services
from app.texts import number, say
from app.theme import is_dark
from kd_core.evaluate import METRICS
from kd_core.figures.comparison import marks_figure, marks_info
from kd_core.study.comparison import Comparison, Row, read_comparison
from kd_core.study.grids import is_map
from kd_core.study.results import Level, Result, by_arm, results
from kd_core.tasks import TASKS

FEWEST = 2
"""Arms beside the student alone from which on there is something to compare."""


def offered(reading: Reading) -> bool:
    """Whether a study has enough finished students for this view; a map has a view of its own."""
    if is_map(reading.study.settings):
        return False
    wanted = {arm.name for arm in reading.study.settings.arms}
    return "baseline" in reading.arms and len(wanted & set(reading.arms)) >= FEWEST


def offer(reading: Reading) -> None:
    """What each kind of student cost, and the comparison where a study has several of them."""
    distil_cost.show(reading)
    if offered(reading):
        box = st.expander(
            say("comparison.title"),
            icon=":material/leaderboard:",
            key="comparison-open",
            on_change="rerun",
        )
        if box.open:
            with box:
                show(reading.study.id, reading)


def show(study_id: str, reading: Reading | None = None) -> None:
    """The comparison of a study's methods; without a reading, on validation."""
    reading = reading or chosen_reading(study_id)
    if reading is None:
        st.info(say("results.empty"))
        return
    if not offered(reading):
        st.caption(say("comparison.too_few"))
        return
    runs = tuple(sorted(r.run.id for r in reading.results))
    with st.spinner(say("comparison.wait")):
        compared = _read(
            reading.study.id,
            runs,
            reading.metric,
            reading.part,
            reading.study.settings.margin,
            reading.opened,
            reading.level,
        )
    _sentences(compared)
    info = marks_info(compared, METRICS[reading.metric].higher_is_better)
    st.plotly_chart(
        marks_figure(info, say, is_dark()),
        width="stretch",
        theme=None,
        key="comparison-marks",
        alt=say("comparison.alt"),
    )
    st.caption(say("comparison.figure.caption", margin=reading.study.settings.margin))
    _table(compared)
    results_stamp.show(reading)
    _initial_weights(reading)


def offer_study(study_id: str) -> None:
    """:func:`offer` for a study, on validation by the metric that chose its checkpoints."""
    reading = chosen_reading(study_id)
    if reading is not None:
        offer(reading)


def chosen_reading(study_id: str) -> Reading | None:
    """A study on validation, by the metric that chose its checkpoints; none while it is empty."""
    study, found = readings.read_study(study_id)
    if not found:
        return None
    names = readings.metric_names(found[0])
    chosen = study.settings.train.select_metric
    if chosen == "auto":
        chosen = TASKS[services().store.record(found[0].run.id).data.task].select_metric
    return Reading(study, found, "val", chosen if chosen in names else names[0])


@st.cache_data(show_spinner=False, max_entries=100)
def _read(
    study_id: str,
    runs: tuple[str, ...],
    metric: str,
    part: str,
    margin: float,
    opened: bool,
    level: Level,
) -> Comparison:
    found = [r for r in results(services().store, study_id) if r.run.id in runs]
    reading = Reading(services().store.study(study_id), tuple(found), part, metric, level)
    arms = by_arm(found)
    values = {arm: _by_seed(reading, arm, group) for arm, group in arms.items()}
    return read_comparison(
        arms,
        metric,
        names=[arm.name for arm in reading.study.settings.arms],
        part=part,
        margin=margin,
        opened=opened,
        level=level,
        values=values,
    )


def _by_seed(reading: Reading, arm: str, group: Sequence[Result]) -> dict[int, float]:
    """The metric of each seed; the folds of a seed are one."""
    if reading.study.settings.folds:
        seeds = sorted({result.run.seed for result in group})
        return dict(zip(seeds, readings.arm_score(reading, arm)[1], strict=True))
    return {result.run.seed: readings.value(reading, result) for result in group}


def _sentences(compared: Comparison) -> None:
    """What the table says, in words: gains, harm, plain soft targets, stability, time."""
    judged = [row for row in compared.rows if row.verdict is not None and not row.control]
    better = [row.arm for row in judged if row.verdict and row.verdict.kind == "better"]
    holds = [row.arm for row in judged if row.arm in better and row.holds]
    st.markdown(say("comparison.better", n=len(better), of=len(judged), names=better or ["–"]))
    if better and len(judged) > 1:
        st.caption(say("comparison.holds", n=len(holds), of=len(judged), names=holds or ["–"]))
    for row in judged:
        if row.harms and row.verdict is not None:
            head = say("comparison.harm", arm=row.arm)
            text = f"**{head}** {say(row.verdict.msg)} {_corrected(row)}"
            st.warning(text, icon=":material/trending_down:")
    beats = [row.arm for row in judged if row.plain is not None and row.plain.kind == "better"]
    if any(row.plain is not None for row in judged):
        st.markdown(say("comparison.plain", n=len(beats), names=beats or ["–"]))
    if compared.agreement == compared.agreement:
        n = len(compared.seeds)
        st.caption(say("comparison.agreement", w=compared.agreement, chance=1 / n, n=n))
    st.caption(say("comparison.total", seconds=compared.total_s))


def _corrected(row: Row) -> str:
    kind = "comparison.corrected.holds" if row.holds else "comparison.corrected.lost"
    return say(kind, p=row.p_holm)


def _table(compared: Comparison) -> None:
    rows = [_line(row) for row in compared.rows]
    table = pd.DataFrame(rows).rename(columns={name: say(f"comparison.{name}") for name in rows[0]})
    st.dataframe(table, hide_index=True, width="stretch", key="comparison-table")
    st.download_button(
        say("comparison.csv"),
        table.to_csv(index=False).encode(),
        "methods.csv",
        "text/csv",
        icon=":material/download:",
        key="comparison-csv",
    )


def _line(row: Row) -> dict[str, Any]:
    """One arm in words and figures that are fit to read."""
    verdict, ranks, mean = row.verdict, list(row.ranks.values()), row.interval
    energy = row.cost.energy
    gap = kind = p = place = "–"
    if verdict is not None:
        gap = say("comparison.gap", d=verdict.difference, low=verdict.low, high=verdict.high)
        kind = say(f"comparison.kind.{verdict.kind}")
        p = "–" if row.control else number(row.p_holm, "score")
    if ranks:
        middle = round(row.mean_rank, 1)
        place = say("comparison.rank_of", mean=middle, best=min(ranks), worst=max(ranks))
    return {
        "arm": row.arm if verdict else say("role.baseline"),
        "mean": say("comparison.mean_of", mean=row.spread.mean, low=mean.low, high=mean.high),
        "difference": gap,
        "verdict": kind,
        "p": p,
        "rank": place,
        "time": say("comparison.time_of", seconds=row.seconds, ratio=short(row.cost.time)),
        "teacher": number(row.teacher_s, "seconds") if row.teacher_s else "–",
        "looks": number(row.cost.teacher_images, "int"),
        "energy": "–" if energy is None else say("cost.times", ratio=short(energy)),
        "recipe": say("comparison.recipe.own" if row.own_recipe else "comparison.recipe.same"),
    }


def _initial_weights(reading: Reading) -> None:
    """The hash of the initial weights of each arm: equal for a seed, or named."""
    by_seed: dict[int, dict[str, str]] = {}
    for result in reading.results:
        record = services().store.record(result.run.id)
        if result.model.role in ("baseline", "student") and record.training is not None:
            by_seed.setdefault(result.run.seed, {})[result.arm] = record.training.initial_sha256
    for seed, arms in sorted(by_seed.items()):
        alone = arms.get("baseline", "")
        others = [arm for arm, value in arms.items() if value != alone]
        text = "comparison.initial.differ" if others else "comparison.initial.equal"
        st.caption(say(text, seed=seed, hash=alone[:10], n=len(arms), names=others or ["–"]))
