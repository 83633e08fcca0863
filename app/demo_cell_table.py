"""Cells and tiles as a table: the other way to choose one, and what can be taken away."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from app.demo_result import Seen
from app.texts import say


def table(seen: Seen) -> pd.DataFrame:
    """One row a piece: disagreements first, then the teacher's least sure answers."""
    columns: dict[str, object] = {"number": np.arange(1, len(seen) + 1)}
    for key, answers in seen.answers.items():
        columns[key] = answers.names()
        columns[f"{key} p"] = answers.confidence
    if seen.matched is not None:
        known = [seen.truth(i) for i in range(len(seen))]
        columns["truth"] = [cell.label if cell else "" for cell in known]
    columns["agree"] = ~seen.differs
    columns["x"] = [round(place.x) for place in seen.places]
    columns["y"] = [round(place.y) for place in seen.places]
    teacher = next(iter(seen.answers.values()))
    order = np.lexsort((teacher.confidence, ~seen.differs))
    return pd.DataFrame(columns).iloc[order].reset_index(drop=True)


def draw(frame: pd.DataFrame, key: str) -> int | None:
    """The table; the number of the row that was chosen, from 0."""
    named = {
        name: st.column_config.Column(say(f"demo.column.{name}"))
        for name in ("number", "truth", "agree", "x", "y")
    }
    sure = st.column_config.NumberColumn(say("demo.column.sure"), format="percent")
    shown = st.dataframe(
        frame,
        hide_index=True,
        width="stretch",
        height=320,
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        column_config={**named, **{c: sure for c in frame.columns if str(c).endswith(" p")}},
    )
    st.download_button(
        say("demo.csv"),
        frame.to_csv(index=False).encode(),
        "pieces.csv",
        "text/csv",
        icon=":material/download:",
        key=f"{key}-csv",
    )
    rows = shown["selection"]["rows"]
    return int(frame["number"].iloc[rows[0]]) - 1 if rows and rows[0] < len(frame) else None
