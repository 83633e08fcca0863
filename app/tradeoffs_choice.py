"""What a visitor chooses on the Trade-offs page; every control stands in the address."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import tradeoffs_data as data
from app.services import services
from app.texts import say
from app.tradeoffs_data import Place, Studies
from kd_core.study.budget import Budget
from kd_core.study.costs import THIS_MACHINE
from kd_core.study.models_frame import Version, metrics_in
from kd_core.study.recommend import metric_msg

AXES = ("latency_ms", "size_bytes", "macs", "ram_bytes", "energy_mj")


@dataclass(frozen=True)
class Choice:
    """All that decides what the page shows.

    Attributes:
        studies: Ids of the chosen studies.
        at: State of the store.
        place: Device, runtime, threads, precision.
        metric: The accuracy axis, by class (``sensitivity:ring``) too.
        x: The cost axis.
        area: What the markers' area shows; empty for nothing.
        log: Logarithmic cost axis; ``None`` lets the figure decide.
        expanded: Each seed by itself.
        group: Which comparable group.
        reference: Study, arm and model name of what ratios are against.
        reference_shape: Its shape.
        budget: The limits.
        margin: How much worse still counts as as good.
    """

    studies: Studies
    at: Version
    place: Place
    metric: str
    x: str
    area: str
    log: bool | None
    expanded: bool
    group: int
    reference: Studies
    reference_shape: str
    budget: Budget
    margin: float

    def table(self) -> pd.DataFrame:
        """Candidates with their costs, whether or not they are within the limits."""
        return data.drawn(
            self.studies, self.at, self.place, self.reference_shape, self.metric, self.group,
            self.expanded,
        )  # fmt: skip

    def collapsed(self) -> pd.DataFrame:
        """The same with seeds averaged, which is what is recommended."""
        return data.drawn(
            self.studies, self.at, self.place, self.reference_shape, self.metric, self.group, False
        )


def studies() -> Studies:
    """The chosen studies: those of the address, else the newest finished one."""
    known = {study.id: study for study in services().store.studies() if study.finished}
    if not known:
        return ()
    wanted = st.query_params.get("study", "")
    default = wanted if wanted in known else next(iter(known))
    chosen: list[str] = st.multiselect(
        say("tradeoffs.studies"),
        list(known),
        default=[default],
        format_func=lambda key: say(
            "tradeoffs.study", name=known[key].name, n=known[key].finished, id=key[-4:]
        ),
        key="studies",
        bind="query-params",
    )
    return tuple(chosen)


def device() -> Place:
    """The device first, then what runs the file there."""
    known = {name: spec for name, spec in data.devices().items() if name != THIS_MACHINE}
    columns = st.columns([3, 2, 1.4, 1.6])
    _plain_name(known)
    name = columns[0].selectbox(
        say("tradeoffs.device"),
        [THIS_MACHINE, *known],
        format_func=device_title,
        help=say("tradeoffs.device.help"),
        key="device",
        bind="query-params",
        on_change=_forget_plain_name,
    )
    if name == THIS_MACHINE:
        columns[1].caption(say("tradeoffs.this_machine.about"))
        return Place()
    runtimes = known[name].runtimes
    by_name = {runtime.name: runtime for runtime in runtimes}
    runtime = columns[1].selectbox(
        say("tradeoffs.runtime"),
        list(by_name),
        format_func=runtime_title,
        key=f"runtime-{name}",
        bind="query-params",
    )
    options = by_name[runtime]
    threads = columns[2].selectbox(
        say("tradeoffs.threads"),
        list(options.threads),
        format_func=lambda n: str(n) if n else say("tradeoffs.threads.own"),
        key=f"threads-{name}-{runtime}",
        bind="query-params",
    )
    precision = columns[3].selectbox(
        say("tradeoffs.precision"),
        ["", *options.precisions],
        format_func=lambda p: say(f"precision.{p}") if p else say("tradeoffs.precision.own"),
        help=say("tradeoffs.precision.help"),
        key=f"precision-{name}-{runtime}",
        bind="query-params",
    )
    return Place(name, runtime, threads, precision)


PLAIN = "on"
"""Parameter of the address with a device as the command line names it: ``?on=raspberry_pi_4``."""


def _plain_name(known: Collection[str]) -> None:
    """Take the device from a link that names it plainly; it stays in the address until another
    is chosen, which then stands there under its title.
    """  # noqa: D205
    asked = st.query_params.get("device", "")
    if asked in known:
        st.query_params[PLAIN] = asked
    elif asked:
        return
    plain = st.query_params.get(PLAIN)
    if plain in known and "device" not in st.session_state:
        st.session_state["device"] = plain


def _forget_plain_name() -> None:
    st.query_params.pop(PLAIN, None)


def device_title(name: str) -> str:
    """A device's name on the screen."""
    return say(data.title(name))


def runtime_title(name: str) -> str:
    """A runtime's name on the screen."""
    return say(f"runtime.{name}")


def comparable_group(chosen: Studies, at: Version) -> int:
    """The group that is ranked; says what differs where there are several."""
    found = data.groups(chosen, at)
    if len(found.groups) < 2:
        return 0
    items = [say(f"protocol.{name}") for name in found.differs]
    st.warning(say("tradeoffs.mixed", items=items), icon=":material/difference:")
    frame = data.models(chosen, at)
    columns = [f"at.{name}" for name in found.differs]

    def about(group: int) -> str:
        rows = frame.iloc[found.groups[group]]
        named = {c: rows[c].dropna().unique() for c in columns}
        values = [f"{say('protocol.' + c[3:])} {_short(v[0])}" for c, v in named.items() if len(v)]
        return say("tradeoffs.group", n=len(rows), values=values)

    return int(
        st.selectbox(
            say("tradeoffs.groups"), range(len(found.groups)), format_func=about, key="group",
            bind="query-params",
        )
    )  # fmt: skip


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else f"{text[:10]}…"


def axes(chosen: Studies, at: Version) -> tuple[str, str, str, bool | None, bool]:
    """Metric, cost axis, marker area, logarithmic, expanded."""
    names = metrics_in(data.models(chosen, at))
    columns = st.columns([2.4, 2, 2, 1.6])
    metric = columns[0].selectbox(
        say("results.metric"),
        names,
        format_func=lambda name: say(metric_msg(name)),
        key="metric",
        bind="query-params",
    )
    x = columns[1].selectbox(
        say("results.x"),
        AXES,
        format_func=lambda name: say(f"limit.{name}"),
        key="x",
        bind="query-params",
    )
    areas = ["", *(name for name in AXES if name != x)]
    area = columns[2].selectbox(
        say("tradeoffs.area"),
        areas,
        format_func=lambda name: say(f"limit.{name}") if name else say("tradeoffs.area.none"),
        key="area",
        bind="query-params",
    )
    scale = columns[3].selectbox(
        say("tradeoffs.scale"),
        ["auto", "log", "linear"],
        format_func=lambda name: say(f"tradeoffs.scale.{name}"),
        key="scale",
        bind="query-params",
    )
    expanded = st.toggle(
        say("tradeoffs.expanded"),
        help=say("tradeoffs.expanded.help"),
        key="seeds",
        bind="query-params",
    )
    return metric, x, area, None if scale == "auto" else scale == "log", expanded


def reference(chosen: Studies, at: Version, group: int) -> tuple[Studies, str]:
    """What ratios are against: the teacher unless another is chosen; and its shape."""
    frame = data.models(chosen, at)
    rows = data.groups(chosen, at).groups
    frame = frame.iloc[rows[group]] if rows else frame
    first = frame.drop_duplicates(["study", "arm", "name"])
    order = first["role"].map({"teacher": 0, "baseline": 1}).fillna(2).to_numpy()
    first = first.iloc[np.argsort(order, kind="stable")].head(200)
    keys = {key: i for i, key in enumerate(data.keys(first))}
    names = data.labels(first)
    key = st.selectbox(
        say("tradeoffs.reference"),
        list(keys),
        format_func=lambda k: names[k],
        help=say("tradeoffs.reference.help"),
        key="reference",
        bind="query-params",
    )
    row = first.iloc[keys[key]]
    return (row["study"], row["arm"], row["name"]), str(row["shape"])


@st.cache_data(show_spinner=False, max_entries=200)
def margin(chosen: Studies) -> float:
    """The strictest margin of the chosen studies; a study's settings never change."""
    store = services().store
    return min(store.study(study).settings.margin for study in chosen)
