"""The sealed test part: what opening means, the act itself, and what is seen afterwards."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pandas as pd
import streamlit as st

from app import readings, results_stamp
from app.readings import Reading
from app.results_views import holm_note, left_out
from app.services import ask_test, open_test, services
from app.texts import number, say, show_error
from app.visitor import may, may_change
from kd_core.errors import KDLabError
from kd_core.evaluate.winners_curse import winners_curse
from kd_core.study.recommend import higher_is_better
from kd_core.study.results import Result, by_arm, last_steps
from kd_core.study.rows import StudyRow
from kd_core.study.stamp import part_msg

USUAL_ACCURACY = 0.9
ASKING = "test-asking"
"""Session key of the study whose opening is being confirmed."""


def show(reading: Reading, everything: Sequence[Result]) -> None:
    """The seal and the button, or the figures.

    Args:
        reading: What is looked at; on a sealed part it has only what may be seen.
        everything: All finished models of the study.
    """
    study = reading.study
    if study.test_opened_at is None:
        _sealed(study, everything)
        return
    st.success(
        say("results.test.opened", runs=study.test_opened_runs, when=_date(study)),
        icon=":material/lock_open:",
    )
    _figures(reading, everything)
    _ask(study, everything)


# --- before -------------------------------------------------------------------------------------


def _sealed(study: StudyRow, everything: Sequence[Result]) -> None:
    st.info(say("results.test.sealed"), icon=":material/lock:")
    evidence(everything)
    if study.active:
        st.caption(say("results.test.active"))
    if not (may("open_test") and may_change(study.owner)):
        st.caption(say("results.test.owner"))
        return
    if st.button(say("results.test.open"), key="test-open", icon=":material/lock_open:"):
        st.session_state[ASKING] = study.id
    if st.session_state.get(ASKING) == study.id:
        _dialog(study, everything)


def evidence(everything: Sequence[Result]) -> None:
    """What choosing on test images would do, simulated for this study's numbers."""
    record = services().store.record(everything[0].run.id)
    n = record.data.counts.get("test", 0)
    if not n:
        return
    known = [s.value for r in everything if (s := r.scores.get("accuracy")) and s.value]
    accuracy = round(sum(known) / len(known), 2) if known else USUAL_ACCURACY
    found = winners_curse(max(2, len(everything)), n, accuracy=min(max(accuracy, 0.5), 0.99))
    st.caption(
        say(
            "results.test.curse",
            models=found.n_models,
            images=found.n_images,
            accuracy=found.accuracy,
            optimism=found.optimism,
            high=found.high,
        )
    )


def proposed(everything: Sequence[Result]) -> list[str]:
    """Arms to be seen first: teacher, student alone, and the best other one on validation data."""
    arms = by_arm(everything)
    fixed = [arm for arm, g in arms.items() if g[0].model.role in ("teacher", "baseline")]
    metric = readings.metric_names(everything[0])[0]
    sign = 1.0 if higher_is_better(metric) else -1.0

    def mean(arm: str) -> float:
        values = [s.value for r in arms[arm] if (s := r.scores.get(metric)) and s.value is not None]
        return sign * sum(values) / len(values) if values else -math.inf

    others = [arm for arm in last_steps(arms) if arm not in fixed]
    return [*fixed, *sorted(others, key=mean, reverse=True)[:1]]


def _dialog(study: StudyRow, everything: Sequence[Result]) -> None:
    @st.dialog(say("results.test.open"), width="large", on_dismiss=_no_more)
    def ask() -> None:
        st.markdown(say("results.test.means", n=study.finished))
        evidence(everything)
        arms = by_arm(everything)
        chosen = st.multiselect(
            say("results.test.chosen"),
            list(arms),
            default=proposed(everything),
            format_func=lambda arm: readings.arm_name(arm, arms[arm]),
            help=say("results.test.chosen.help"),
            key="test-chosen",
        )
        st.caption(say("results.test.margin", margin=study.settings.margin))
        sure = st.checkbox(say("results.test.sure"), key="test-sure")
        if st.button(
            say("results.test.yes"), disabled=not (sure and chosen), type="primary", key="test-yes"
        ):
            try:
                open_test(study.id, chosen)
            except KDLabError as error:
                show_error(error)
                return
            _no_more()
            st.rerun()

    ask()


def _no_more() -> None:
    st.session_state.pop(ASKING, None)


# --- afterwards ---------------------------------------------------------------------------------


def _figures(reading: Reading, everything: Sequence[Result]) -> None:
    """The internal test part and the external sets side by side, with marks and verdicts."""
    arms = by_arm(r for r in everything if r.seal.allows(r.arm))
    externals = [f"external-{name}" for name in reading.study.settings.data.external]
    parts = ["val", "test", *externals]
    rows, without = [], []
    for arm, group in arms.items():
        row = {"arm": readings.arm_name(arm, group)}
        for part in parts:
            try:
                found, _ = readings.arm_score(replace(reading, part=part), arm)
            except KDLabError:  # a run from before this external set was added
                row[part] = "–"
                continue
            without += [(part, found.left_out)] if found.left_out else []
            ends = f"{number(found.low, 'score')} – {number(found.high, 'score')}"
            row[part] = f"{number(found.value, 'score')} ({ends})"
        row["mark"] = say(f"results.mark.{max((r.mark for r in group), key=_gravity)}")
        rows.append(row)
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        column_config={
            "arm": say("compress.column.arm"),
            "mark": say("results.mark"),
            **{part: say(part_msg(part)) for part in parts},
        },
    )
    st.caption(say("results.test.figures", metric=say(f"metric.{reading.metric}.title")))
    for part in dict.fromkeys(name for name, _ in without):
        st.caption(f"**{say(part_msg(part))}**")
        left_out(reading.metric, next(classes for name, classes in without if name == part))
    _near_copies(arms)
    results_stamp.show(replace(reading, part="test"))
    for part in parts[1:]:
        _verdicts(replace(reading, part=part, results=tuple(r for g in arms.values() for r in g)))


def _near_copies(arms: Mapping[str, Sequence[Result]]) -> None:
    """External sets with images that look like some that were learned from."""
    near: dict[str, int] = {}
    for group in arms.values():
        near |= services().store.record(group[0].run.id).data.external_near
    for name, n in near.items():
        st.warning(say("external.near", name=name, n=n), icon=":material/content_copy:")


def _gravity(mark: str) -> int:
    return ("chosen", "asked", "later").index(mark)


def _verdicts(reading: Reading) -> None:
    pairs = [pair for pair in readings.verdict_pairs(reading) if _judged(reading, *pair)]
    corrected = readings.holm_of(reading, pairs)
    lines = []
    for arm, other in pairs:
        found = readings.verdict(reading, arm, other)
        against = readings.arm_name(other, reading.arms[other])
        note = holm_note(found.p, corrected[arm, other], sum(pair[1] == other for pair in pairs))
        said = say("results.against", arm=arm, other=against)
        lines.append(f"- **{said}** {say(found.msg)}{note}")
    if lines:
        st.markdown(f"**{say(part_msg(reading.part))}**\n\n" + "\n".join(lines))


def _judged(reading: Reading, arm: str, other: str) -> bool:
    """Whether there is a verdict: equal protocols, and answers of both to this part."""
    if results_stamp.protocol_gap(reading, arm, other):
        return False
    try:
        readings.verdict(reading, arm, other)
    except KDLabError:  # runs from before this external set was added
        return False
    return True


def _ask(study: StudyRow, everything: Sequence[Result]) -> None:
    arms = by_arm(everything)
    hidden = [arm for arm, group in arms.items() if not group[0].seal.allows(arm)]
    if not hidden or not (may("open_test") and may_change(study.owner)):
        if hidden:
            st.caption(say("results.test.hidden", n=len(hidden)))
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.multiselect(
            say("results.test.more"),
            hidden,
            format_func=lambda arm: readings.arm_name(arm, arms[arm]),
            help=say("results.test.more.help"),
            key="test-more",
        )
        if st.button(say("results.test.ask"), disabled=not wanted, key="test-ask"):
            try:
                ask_test(study.id, wanted)
            except KDLabError as error:
                show_error(error)
                return
            st.rerun()


def _date(study: StudyRow) -> str:
    moment = datetime.datetime.fromtimestamp(study.test_opened_at or math.nan, datetime.UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")
