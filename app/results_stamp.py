"""The protocol stamp below figures and tables, and what two arms differ in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app import readings
from app.readings import Reading
from app.services import services
from app.texts import say
from kd_core.study.models_frame import Version, frame_version, read_frame
from kd_core.study.protocol import differing
from kd_core.study.stamp import Stamp, stamp_of
from kd_core.study.trials import trials

NAMED = 6
"""Studies below one figure whose protocols are named."""


@st.cache_data(show_spinner=False, max_entries=200)
def _protocols(study_id: str, runs: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    store = services().store
    frame = read_frame(store, [study_id])
    columns = [name for name in frame.columns if str(name).startswith("at.")]
    found: dict[str, dict[str, Any]] = {}
    for _, row in frame.iterrows():
        items = {str(c)[3:]: None if pd.isna(row[c]) else row[c] for c in columns}
        found.setdefault(f"{row['run']}/{row['name']}", items)
    return found


def protocol_gap(reading: Reading, arm: str, other: str) -> dict[str, tuple[str, str]]:
    """Items of the protocol in which two arms differ."""
    kept = _protocols(reading.study.id, readings.run_ids(reading))
    one, two = (reading.arms[name][0] for name in (arm, other))
    items = [kept.get(f"{r.run.id}/{r.model.name}", {}) for r in (one, two)]
    return differing(*items)


def unranked(reading: Reading) -> tuple[str, ...]:
    """Arms that may not be ranked with the student alone, since their protocol is another."""
    alone = [name for name, group in reading.arms.items() if group[0].model.role == "baseline"]
    if not alone:
        return ()
    return tuple(arm for arm in reading.arms if protocol_gap(reading, arm, alone[0]))


@st.cache_data(show_spinner=False, max_entries=200)
def _trials(study_id: str, at: Version) -> dict[str, int]:
    return trials(services().store, study_id)


def stamp(reading: Reading) -> Stamp:
    """The protocol stamp of what is looked at."""
    study = reading.study
    at = frame_version(services().store)  # what other studies tried counts too
    return stamp_of(study, reading.part, _trials(study.id, at))


def show(reading: Reading) -> None:
    """The stamp below a figure or a table."""
    st.caption(say(stamp(reading).msg))


@st.cache_data(show_spinner=False, max_entries=200)
def _stamps(study_ids: tuple[str, ...], at: Version) -> list[tuple[str, Stamp]]:
    return [
        (study.name, stamp_of(study, "val", _trials(study.id, at)))
        for study in map(services().store.study, study_ids)
    ]


def show_studies(study_ids: Sequence[str]) -> None:
    """The stamp below a figure on validation data; of several studies, who has which protocol."""
    stamps = _stamps(tuple(study_ids[:NAMED]), frame_version(services().store))
    if len(study_ids) == 1:
        st.caption(say(stamps[0][1].msg))
        return
    named = [say("stamp.study", name=name, code=one.code) for name, one in stamps]
    more = len(study_ids) - NAMED
    said = say("stamp.studies", studies=named)
    st.caption(said + (" " + say("stamp.studies.more", n=more) if more > 0 else ""))
