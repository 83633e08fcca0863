"""What the Trade-offs page reads: once for each state of the store, shared by all visitors.

Frames are handed out as they are, never copied: whoever changes one copies it first.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import streamlit as st

from app.services import services
from app.texts import say
from kd_core.errors import KDLabError
from kd_core.latency.devices import FOLDER, DeviceSpec, all_devices, device_title
from kd_core.latency.estimate import Target
from kd_core.latency.own_evidence import load_evidence
from kd_core.latency.work import Work, work_of
from kd_core.study.budget import GROUP, candidates, singles
from kd_core.study.costs import (
    THIS_MACHINE,
    Cost,
    cost_of,
    measured_on,
    read_measured,
    with_costs,
)
from kd_core.study.models_cache import ModelsCache
from kd_core.study.models_frame import Version, frame_version, model_file
from kd_core.study.protocol import Comparable, comparable
from kd_core.study.recommend import name_of, verdict_between
from kd_core.text import Msg

Studies = tuple[str, ...]

NAMED = ("role", "step", "architecture", "shape")
OFFERED = 200
"""Models that ratios can be against; naming thousands would be slow, and nobody reads them."""


@dataclass(frozen=True)
class Place:
    """Where the models are to run.

    Attributes:
        device: Entry of ``DEVICES``, or ``this_machine``.
        runtime: Of the device's; empty for its default.
        threads: 0 for the runtime's default.
        precision: Empty for the file's own.
    """

    device: str = THIS_MACHINE
    runtime: str = ""
    threads: int = 0
    precision: str = ""

    @property
    def target(self) -> Target:
        """The same as the estimator has it."""
        return Target(self.device, self.runtime, self.threads, self.precision)


def version() -> Version:
    """Of the store and of what is known of devices, for the caches below."""
    home = services().store.home.root
    files = sorted((home / FOLDER).glob("*.json*"))
    stamps = tuple((path.name, path.stat().st_mtime_ns) for path in files)
    return (*frame_version(services().store), *stamps)


def devices() -> Mapping[str, DeviceSpec]:
    """All devices by name, the visitor's own files included."""
    return all_devices(services().store.home.root)


def title(device: str) -> Msg:
    """What a device is called."""
    found = devices().get(device)
    if device == THIS_MACHINE or found is None:
        return Msg("tradeoffs.this_machine")
    return device_title(device, found)


@st.cache_resource(show_spinner=False)
def _cache() -> ModelsCache:
    return ModelsCache(services().store)


@st.cache_resource(show_spinner=False, max_entries=12)
def models(studies: Studies, at: Version) -> pd.DataFrame:
    """Finished models of these studies."""
    return _cache().frame(studies)


@st.cache_resource(show_spinner=False, max_entries=12)
def groups(studies: Studies, at: Version) -> Comparable:
    """Which of these models may be ranked together."""
    return comparable(models(studies, at))


@st.cache_resource(show_spinner=False, max_entries=12)
def _measured(studies: Studies, at: Version) -> pd.DataFrame:
    return read_measured(services().store, studies)


@st.cache_resource(show_spinner=False, max_entries=500)
def _work(sha256: str, path: str) -> Work:
    return work_of(Path(path))


@st.cache_resource(show_spinner=False, max_entries=12)
def works(studies: Studies, at: Version) -> dict[str, Work]:
    """The work of each shape, from the first file of it that can be read."""
    frame = models(studies, at)
    found: dict[str, Work] = {}
    for shape, rows in frame.groupby("shape", sort=False):
        for run, name, sha256 in rows[["run", "name", "sha256"]].head(3).itertuples(index=False):
            path = model_file(services().store, run, name)
            if not path.is_file():
                continue
            try:
                found[str(shape)] = _work(sha256, str(path))
                break
            except KDLabError:
                continue
    return found


@st.cache_resource(show_spinner=False, max_entries=64)
def costs(studies: Studies, at: Version, place: Place, reference: str) -> dict[str, Cost]:
    """The cost of each shape on a device; none for the machine at hand until it is calibrated."""
    device = devices().get(place.device)
    if device is None:
        return {}
    known = works(studies, at)
    points = load_evidence(services().store.home.root, place.device)
    of_reference = known.get(reference)
    return {
        shape: cost_of(work, place.target, device, of_reference, points)
        for shape, work in known.items()
    }


@st.cache_resource(show_spinner=False, max_entries=24)
def costed(studies: Studies, at: Version, place: Place, reference: str) -> pd.DataFrame:
    """All models with their costs on one device."""
    frame = with_costs(
        models(studies, at),
        costs(studies, at, place, reference),
        measured_on(_measured(studies, at), place.target),
        reference,
    )
    frame["energy_mj"] = (frame["energy_low_mj"] + frame["energy_high_mj"]) / 2
    return frame


@st.cache_resource(show_spinner=False, max_entries=48)
def drawn(
    studies: Studies,
    at: Version,
    place: Place,
    reference: str,
    metric: str,
    group: int,
    expanded: bool,
) -> pd.DataFrame:
    """Candidates of one comparable group: seeds collapsed, or each by itself."""
    frame = costed(studies, at, place, reference)
    rows = groups(studies, at).groups
    chosen = frame.iloc[rows[group]] if rows else frame
    table = singles(chosen, metric) if expanded else candidates(chosen, metric)
    return table.reset_index(drop=True)


@st.cache_data(show_spinner=False, max_entries=500)
def verdict(
    studies: Studies, at: Version, left: Studies, right: Studies, metric: str, margin: float
) -> Msg:
    """The verdict on one candidate against the reference, or why there is none.

    Args:
        studies: The studies that are looked at.
        at: State of the store.
        left: Study, arm and model name of the candidate.
        right: The same of the reference.
        metric: What is compared.
        margin: How much worse still counts as as good.
    """
    if ":" in metric:
        return Msg("recommend.no_verdict_by_class")
    frame = models(studies, at)
    ours, theirs = (
        frame[(frame["study"] == s) & (frame["arm"] == arm) & (frame["name"] == name)]
        for s, arm, name in (left, right)
    )
    try:
        return verdict_between(services().store, ours, theirs, metric, margin).msg
    except KDLabError as error:
        return error.msg


@st.cache_resource(show_spinner=False, max_entries=24)
def references(studies: Studies, at: Version, group: int) -> pd.DataFrame:
    """What ratios can be against, teachers and baselines first; some of very many."""
    frame = models(studies, at)
    rows = groups(studies, at).groups
    frame = frame.iloc[rows[group]] if rows else frame
    first = frame[[*GROUP, *NAMED]].drop_duplicates(GROUP)
    order = first["role"].map({"teacher": 0, "baseline": 1}).fillna(2).to_numpy()
    return first.iloc[np.argsort(order, kind="stable")].head(OFFERED)


def keys(frame: pd.DataFrame) -> list[str]:
    """Short names of candidates, for the address: end of the study's id, arm, model."""
    return [
        f"{study[-4:]}:{arm}:{name}"
        for study, arm, name in zip(frame["study"], frame["arm"], frame["name"], strict=True)
    ]


def labels(frame: pd.DataFrame) -> dict[str, str]:
    """What each candidate is called, by key; told apart by the key where two have one name."""
    rows = frame[[*GROUP, *NAMED]].to_dict("records")  # a row of a frame at a time is slow
    said = {key: say(name_of(row)) for key, row in zip(keys(frame), rows, strict=True)}
    count = Counter(said.values())
    return {key: name if count[name] == 1 else f"{name} · {key}" for key, name in said.items()}


def lines_of(frame: pd.DataFrame) -> str:
    """A frame as JSON records, without what is not a number."""
    clean = frame.astype(object).where(frame.notna(), None)
    return json.dumps(clean.to_dict("records"), default=_plain, indent=1)


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else str(value)
