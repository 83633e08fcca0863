"""Behind the verdicts: correction over the list, the spread over seeds, and supplementary tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from app import answers, readings, results_stamp
from app.readings import Reading
from app.texts import number, say
from kd_core.errors import KDLabError
from kd_core.evaluate import METRICS, Predictions, over_seeds
from kd_core.evaluate.delong import delong
from kd_core.evaluate.paired import PairedTest, caution_of, mcnemar, sign_flip
from kd_core.study.results import Level

SWAPPED_CELLS = 12_000_000
"""Probabilities that a permutation test reads in all: a few seconds."""
FEWEST_SWAPS = 499


def show(reading: Reading) -> None:
    """Everything for one pair, after the list of all."""
    _list(reading)
    _seeds(reading)
    results_stamp.show(reading)
    _tests(reading)


def _list(reading: Reading) -> None:
    pairs = [
        pair
        for pair in readings.verdict_pairs(reading)
        if not results_stamp.protocol_gap(reading, *pair)
    ]
    if not pairs:
        st.caption(say("compare.few"))
        return
    corrected = readings.holm_of(reading, pairs)
    rows = []
    for arm, other in pairs:
        found = readings.verdict(reading, arm, other)
        rows.append(
            {
                "arm": arm,
                "other": readings.arm_name(other, reading.arms[other]),
                "difference": f"{number(found.difference, 'points')}",
                "interval": readings.ends(found.low, found.high, "points"),
                "p": readings.p_text(found.p),
                "p_holm": readings.p_text(corrected[arm, other]),
                "smallest": number(found.smallest, "points"),
                "verdict": say(f"compress.verdict.{found.kind}"),
            }
        )
    st.markdown(f"**{say('statistics.list')}**")
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        width="stretch",
        column_config={name: say(f"statistics.column.{name}") for name in rows[0]},
    )
    st.caption(say("statistics.list.about", margin=reading.study.settings.margin))


def _seeds(reading: Reading) -> None:
    rows = []
    for arm, group in reading.shown_arms.items():
        found, values = readings.arm_score(reading, arm)
        spread = over_seeds(values)
        if spread.n > 1:
            rows.append(
                {
                    "arm": readings.arm_name(arm, group),
                    "seeds": spread.n,
                    "mean": found.value,
                    "interval": f"{number(found.low, 'score')} – {number(found.high, 'score')}",
                    "sd": spread.sd,
                    "sd_interval": f"{number(spread.sd_low, 'score')} – "
                    f"{number(spread.sd_high, 'score')}",
                }
            )
    if not rows:
        st.caption(say("statistics.one_seed"))
        return
    columns: dict[str, Any] = {name: say(f"statistics.column.{name}") for name in rows[0]}
    for name in ("mean", "sd"):
        columns[name] = st.column_config.NumberColumn(columns[name], format="%.3f")
    st.markdown(f"**{say('statistics.seeds')}**")
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch", column_config=columns)
    st.caption(say("statistics.seeds.about"))


def _tests(reading: Reading) -> None:
    pairs = readings.verdict_pairs(reading)
    if not pairs:
        return
    st.markdown(f"**{say('statistics.tests')}**")
    names = [f"{a} · {readings.arm_name(b, reading.arms[b])}" for a, b in pairs]
    place = st.selectbox(
        say("statistics.pair"), range(len(pairs)), format_func=names.__getitem__, key="tests-pair"
    )
    runs = readings.run_ids(reading)
    where = (reading.metric, reading.part, reading.opened, reading.level)
    try:
        with st.spinner(say("statistics.wait")):
            found, caution = tests_of(reading.study.id, runs, pairs[place or 0], *where)
    except KDLabError as error:
        st.caption(say(error.msg))
        return
    for test in found:
        about = f"{test.label}: " if test.label else ""
        st.markdown(f"- {about}{say(test.msg)}")
    if caution is not None:
        st.caption(say("statistics.dependent", why=caution))
    st.caption(say("statistics.tests.about"))


@st.cache_data(show_spinner=False, max_entries=100)
def tests_of(
    study_id: str,
    runs: Sequence[str],
    pair: tuple[str, str],
    metric: str,
    part: str,
    opened: bool,
    level: Level,
) -> tuple[tuple[PairedTest, ...], Any]:
    """Supplementary tests of the first seed both arms have, and why some are left out."""
    first, second = answers.pair(study_id, runs, pair, part, opened, level)
    found = []
    if not METRICS[metric].per_class:
        found.append(sign_flip(first, second, metric, affordable(first)))
    caution = caution_of(first[0])
    if caution is None:
        found += [*mcnemar(first[0], second[0]), *delong(first[0], second[0])]
    return tuple(replace(test, caution=None) for test in found), caution


def affordable(models: Sequence[Predictions]) -> int:
    """Random swaps that a visitor can wait for: fewer for many images, labels and seeds."""
    cells = sum(one.logits.size for one in models)
    return min(9999, max(FEWEST_SWAPS, SWAPPED_CELLS // max(1, cells)))
