"""From the image file to the answer: the time that a user feels, not that of the network alone."""

from __future__ import annotations

from typing import get_args

import pandas as pd
import streamlit as st

from app import address
from app import tradeoffs_data as data
from app.services import services
from app.texts import say
from app.theme import is_dark
from app.tradeoffs_choice import Choice
from app.tradeoffs_table import plain_order
from app.tradeoffs_views import PICTURE, Found
from kd_core.errors import ExportError
from kd_core.figures.end_to_end import MAX_MODELS, EndToEnd, end_to_end_figure, end_to_end_info
from kd_core.figures.look import arm_name
from kd_core.latency.own_evidence import load_evidence
from kd_core.latency.stages import PROBE_FORMAT, Format, Stage
from kd_core.study.costs import THIS_MACHINE
from kd_core.study.end_to_end import Picture, network_time, newest_measurement, parts_of

AS_TIMED = 0
SIDES = (AS_TIMED, 256, 512, 1024, 2048, 4096)
"""Sides of the image in the file; 0 for twice what the network sees, which is what is timed."""
FORMATS: tuple[Format, ...] = get_args(Format)


def show(choice: Choice, chosen: Found) -> None:
    """Bars of the models that remain, the recommended one and the runner-up first."""
    within, found = chosen
    first = [place for place in (found.best, found.runner_up) if place is not None]
    order = dict.fromkeys(
        [*first, *map(int, plain_order(within["value"].to_numpy(float), choice.metric))]
    )
    rows = within.iloc[list(order)]
    known = rows[rows["latency_ms"].notna()]
    if not len(known):
        st.info(say("path.none"))
        return
    side, form = _picture()
    drawn = known.head(MAX_MODELS)
    parts = {
        name: _parts(choice, row, side, form)
        for name, (_, row) in zip(_names(drawn), drawn.iterrows(), strict=True)
    }
    info = end_to_end_info({name: bar for name, bar in parts.items() if bar})
    st.plotly_chart(
        end_to_end_figure(info, say, is_dark()), width="stretch", theme=None, key="path",
        config=PICTURE,
    )  # fmt: skip
    st.caption(" ".join(_about(choice, info, len(known) - len(drawn), len(rows) - len(known))))


def _names(rows: pd.DataFrame) -> list[str]:
    """Arm, and a chain's step behind it; longer where two would be called the same."""
    short = [
        f"{row['arm']} · {row['name']}" if row["step"] else arm_name(row["role"], row["arm"], say)
        for _, row in rows.iterrows()
    ]
    return short if len(set(short)) == len(short) else list(data.labels(rows).values())


def _picture() -> tuple[int, Format]:
    columns = st.columns(2)
    side = address.choice(
        columns[0],
        say("path.side"),
        SIDES,
        "source-px",
        format_func=lambda px: say("path.px", px=px) if px else say("path.as_timed"),
        help=say("path.side.help"),
    )
    form = address.choice(
        columns[1], say("path.format"), sorted(FORMATS, key=lambda name: name != PROBE_FORMAT),
        "source-format", format_func=str.upper,
    )  # fmt: skip
    return side, form


def _parts(choice: Choice, row: pd.Series, side: int, form: Format) -> tuple[Stage, ...]:
    place, store = choice.place, services().store
    work = data.works(choice.studies, choice.at).get(str(row["shape"]))
    measured = newest_measurement(store, str(row["run"]), str(row["name"]), place.target)
    points = load_evidence(store.home.root, place.device)
    network = network_time(work, measured, place.target, data.devices(), points)
    if network is None:
        return ()
    size = int(row["set.size"])
    channels = measured.channels if measured else work.image[0] if work and work.image else 3
    classes = max(2, sum(str(name).startswith("value.sensitivity:") for name in row.index))
    picture = Picture(side or 2 * size, form, size, channels, classes)
    return parts_of(network, data.devices().get(place.device), picture)


def _about(choice: Choice, info: EndToEnd, left_out: int, unknown: int) -> list[str]:
    said = [say("path.about"), *(say(why) for why in info.why)]
    if info.missing:
        title = say(data.title(choice.place.device))
        said.append(say(ExportError("stages_microcontroller", device=title).msg))
    elif choice.place.device != THIS_MACHINE:
        said.append(say("path.measure"))
    if left_out:
        said.append(say("tradeoffs.left_out", n=left_out, shown=len(info.models)))
    if unknown:
        said.append(say("tradeoffs.unknown", n=unknown, what=say("limit.latency_ms")))
    return said
