"""What a visitor chooses on the Trade-offs page; every control stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from app import address
from app import tradeoffs_data as data
from app.services import services
from app.texts import say
from app.tradeoffs_data import Place, Studies
from kd_core.latency.devices import device_title
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

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal where the page shows the same."""
        return (
            self.studies, self.at, self.place, self.metric, self.x, self.area, self.log,
            self.expanded, self.group, self.reference, self.reference_shape, self.budget.key,
            self.margin,
        )  # fmt: skip

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
    chosen = address.several(
        st,
        say("tradeoffs.studies"),
        list(known),
        "studies",
        usual=[default],
        format_func=lambda key: say(
            "tradeoffs.study", name=known[key].name, n=known[key].finished, id=key[-4:]
        ),
    )
    return tuple(chosen)


def device() -> Place:
    """The device first, then what runs the file there."""
    known = {name: spec for name, spec in data.devices().items() if name != THIS_MACHINE}
    titles = {name: say(device_title(name, spec)) for name, spec in known.items()}
    columns = st.columns([3, 2, 1.4, 1.6])
    name = address.choice(
        columns[0],
        say("tradeoffs.device"),
        [THIS_MACHINE, *known],
        "device",
        format_func=lambda name: titles.get(name) or say("tradeoffs.this_machine"),
        help=say("tradeoffs.device.help"),
    )
    if name == THIS_MACHINE:
        columns[1].caption(say("tradeoffs.this_machine.about"))
        return Place()
    by_name = {runtime.name: runtime for runtime in known[name].runtimes}
    runtime = address.choice(
        columns[1], say("tradeoffs.runtime"), list(by_name), f"runtime-{name}",
        format_func=runtime_title,
    )  # fmt: skip
    options = by_name[runtime]
    threads = address.choice(
        columns[2], say("tradeoffs.threads"), list(options.threads), f"threads-{name}-{runtime}",
        format_func=lambda n: str(n) if n else say("tradeoffs.threads.own"),
    )  # fmt: skip
    precision = address.choice(
        columns[3],
        say("tradeoffs.precision"),
        ["", *options.precisions],
        f"precision-{name}-{runtime}",
        format_func=lambda p: say(f"precision.{p}") if p else say("tradeoffs.precision.own"),
        help=say("tradeoffs.precision.help"),
    )
    return Place(name, runtime, threads, precision)


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

    return address.choice(
        st, say("tradeoffs.groups"), range(len(found.groups)), "group", format_func=about
    )


def _short(value: Any) -> str:
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 24 else f"{text[:10]}…"


Axes = tuple[str, str, str, bool | None, bool]


def axes(chosen: Studies, at: Version, shown: bool) -> Axes:
    """Metric, cost axis, marker area, logarithmic, expanded; without widgets unless ``shown``."""
    names = metrics_in(data.models(chosen, at))
    columns = st.columns([2.4, 2, 2, 1.6]) if shown else [None] * 4
    metric = address.choice(
        columns[0], say("results.metric"), names, "metric",
        format_func=lambda name: say(metric_msg(name)),
    )  # fmt: skip
    x = address.choice(
        columns[1], say("results.x"), AXES, "x", format_func=lambda name: say(f"limit.{name}")
    )
    area = address.choice(
        columns[2],
        say("tradeoffs.area"),
        ["", *(name for name in AXES if name != x)],
        "area",
        format_func=lambda name: say(f"limit.{name}") if name else say("tradeoffs.area.none"),
    )
    scale = address.choice(
        columns[3], say("tradeoffs.scale"), ("auto", "log", "linear"), "scale",
        format_func=lambda name: say(f"tradeoffs.scale.{name}"),
    )  # fmt: skip
    expanded = address.switch(
        st if shown else None, say("tradeoffs.expanded"), "seeds",
        help=say("tradeoffs.expanded.help"),
    )  # fmt: skip
    return metric, x, area, None if scale == "auto" else scale == "log", expanded


def reference(chosen: Studies, at: Version, group: int, shown: bool) -> tuple[Studies, str]:
    """What ratios are against: the teacher unless another is chosen; and its shape."""
    offered = data.references(chosen, at, group)
    names = data.labels(offered) if shown else {}
    keys = {key: i for i, key in enumerate(data.keys(offered))}
    key = address.choice(
        st if shown else None,
        say("tradeoffs.reference"),
        list(keys),
        "reference",
        format_func=lambda k: names[k],
        help=say("tradeoffs.reference.help"),
    )
    row = offered.iloc[keys[key]]
    return (row["study"], row["arm"], row["name"]), str(row["shape"])


@st.cache_data(show_spinner=False, max_entries=200)
def margin(chosen: Studies) -> float:
    """The strictest margin of the chosen studies; a study's settings never change."""
    store = services().store
    return min(store.study(study).settings.margin for study in chosen)
