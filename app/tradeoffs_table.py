"""The table of what remains within the limits."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app import address
from app import tradeoffs_data as data
from app.texts import say
from app.tradeoffs_choice import Choice
from kd_core.study.recommend import higher_is_better

ROWS = 100
"""Rows of the table on one of its pages; the CSV has all."""

COLUMNS = (
    "arm", "name", "role", "architecture", "precision", "n", "value", "sd", "low", "high",
    "latency_ms", "low_ms", "high_ms", "source", "tier", "n_networks", "n_rows", "speed_up",
    "size_bytes", "ram_bytes", "energy_low_mj", "energy_high_mj", "energy_source",
    "macs", "params", "fits", "study", "run",
)  # fmt: skip


def plain_table(choice: Choice) -> pd.DataFrame:
    """What remains, the best first, in the names of the files: units are in the names."""
    return _named(choice.table().iloc[_rows(choice)]).reset_index(drop=True)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    return table[[c for c in COLUMNS if c in table]]


def _rows(choice: Choice) -> np.ndarray:
    """Places of what remains, the best first."""
    table = choice.table()
    within = np.flatnonzero(choice.budget.within(table))
    return within[plain_order(table["value"].to_numpy(float)[within], choice.metric)]


def plain_order(values: np.ndarray, metric: str) -> np.ndarray:
    """Places of the scores, the best first."""
    order = values.argsort(kind="stable")
    return order[::-1] if higher_is_better(metric) else order


def _page(rows: int) -> int:
    """First row of the page of the table that is looked at."""
    if rows <= ROWS:
        return 0
    starts = range(0, rows, ROWS)
    return address.choice(
        st,
        say("tradeoffs.page"),
        starts,
        "rows",
        format_func=lambda i: say("tradeoffs.rows", low=i + 1, high=min(i + ROWS, rows)),
        width=220,
    )


def show(choice: Choice) -> None:
    """What remains, in units that are fit to read."""
    rows = _rows(choice)
    st.caption(say("tradeoffs.remain", n=len(rows), of=len(choice.table())))
    start = _page(len(rows))
    shown = _named(choice.table().iloc[rows[start : start + ROWS]])
    sources = {s: say(f"source.{s}") for s in ("measured", "estimated", "none")}
    columns = {
        "arm": shown["arm"],
        "step": np.where(shown["name"] == "model", "", shown["name"]),
        "network": shown["architecture"],
        "precision": shown["precision"],
        "seeds": shown["n"],
        "score": shown["value"],
        "sd": shown["sd"],
        "low": shown["low"],
        "high": shown["high"],
        "latency": shown["latency_ms"],
        "band_low": shown["low_ms"],
        "band_high": shown["high_ms"],
        "source": shown["source"].map(sources),
        "tier": shown["tier"],
        "speed_up": shown["speed_up"],
        "size": shown["size_bytes"] / 1e6,
        "ram": shown["ram_bytes"] / 1e6,
        "energy_low": shown["energy_low_mj"],
        "energy_high": shown["energy_high_mj"],
        "energy_source": shown["energy_source"].map(_energy_sources()),
        "macs": shown["macs"] / 1e6,
    }
    frame = pd.DataFrame(columns)
    texts = ("arm", "step", "network", "precision", "source", "tier", "energy_source")
    st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=min(420, 40 + 35 * max(1, len(frame))),
        key="tradeoffs-table",
        placeholder="–",
        column_config={
            name: st.column_config.Column(say(f"tradeoffs.column.{name}"))
            if name in texts or name == "seeds"
            else st.column_config.NumberColumn(say(f"tradeoffs.column.{name}"), format="%.3g")
            for name in frame.columns
        },
    )
    st.caption(_energy(choice))


def _energy_sources() -> dict[str, str]:
    """What a table says of how an energy is known."""
    names = ("rapl", "nvml", "nvml+rapl", "measured", "estimated", "none")
    return {name: say(f"energy.{name.replace('+', '_and_')}") for name in names}


def _energy(choice: Choice) -> str:
    """From which power the energies of the chosen device are estimated, or why there are none."""
    spec = data.devices().get(choice.place.device)
    if spec is None:
        return say("tradeoffs.energy.here")
    title = data.title(choice.place.device)
    if spec.power is None:
        return say("tradeoffs.energy.none", device=title)
    power = spec.power
    return say(
        "tradeoffs.energy.estimated",
        device=title,
        low=power.typical_w,
        high=power.load_w,
        source=power.source,
    )
