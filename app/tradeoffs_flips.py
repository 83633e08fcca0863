"""Images on which two models answer differently, the most harmful change first."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import streamlit as st

from app import address
from app.services import services
from app.texts import say
from app.tradeoffs_choice import Choice
from kd_core.errors import KDLabError
from kd_core.evaluate.flips import Flip, Harm, flips
from kd_core.evaluate.predictions import Predictions, read_predictions
from kd_core.study.operating import HEALTHY
from kd_core.study.pipeline import load_data
from kd_core.study.results import PREDICTIONS

SHOWN = 24


def show_flips(choice: Choice, rows: Mapping[str, pd.Series], pinned: str) -> None:
    """Choose the other model, what is negative and what errors cost; then the images."""
    others = [name for name in rows if name != pinned]
    other = others[0]
    if len(others) > 1:
        other = address.choice(st, say("flips.other"), others, "flips-other")
    try:
        first, second = (_predictions(rows[name]) for name in (pinned, other))
        negative, harm = _harm(first)
        found = flips(first, second, negative, harm)
    except KDLabError as error:
        st.info(say(error.msg))
        return
    kinds = {k: sum(f.kind == k for f in found) for k in ("missed", "confused", "alarm", "gained")}
    st.markdown(say("flips.count", all=len(found), pinned=pinned, other=other, **kinds))
    st.caption(say("flips.order"))
    _images(rows[pinned], first, second, found[:SHOWN])


def _predictions(row: pd.Series) -> Predictions:
    folder: Path = services().store.folder(str(row["run"]))
    return read_predictions(folder / PREDICTIONS / f"{row['name']}-val.parquet")


def _harm(found: Predictions) -> tuple[list[str], Harm]:
    columns = st.columns([2.4, 1, 1, 1])
    negative: list[str] = []
    if found.task == "classification":
        default = [name for name in found.classes if name.lower() in HEALTHY]
        negative = address.several(
            columns[0], say("flips.negative"), found.classes, "negative", usual=default,
            help=say("flips.negative.help"),
        )  # fmt: skip
    usual = Harm()
    weights = [
        address.amount(
            column, say(f"flips.weight.{name}"), 0.0, 1000.0, f"harm-{name}",
            usual=getattr(usual, name),
        )
        for column, name in zip(columns[1:], ("missed", "confused", "alarm"), strict=True)
    ]  # fmt: skip
    return negative, Harm(*weights)


def _images(row: pd.Series, first: Predictions, second: Predictions, shown: list[Flip]) -> None:
    if not shown:
        st.caption(say("compare.none"))
        return
    settings = services().store.settings(str(row["run"])).data
    try:
        images = load_data(settings, services().store.home.root).parts["val"].images
    except KDLabError as error:
        st.caption(say(error.msg))
        return
    with st.container(horizontal=True):
        for flip in shown:
            answers = {
                "true": _answer(first, first.targets[flip.row]),
                "first": _answer(first, first.predicted()[flip.row]),
                "second": _answer(second, second.predicted()[flip.row]),
            }
            with st.container(width=130):
                st.image(images[flip.row].transpose(1, 2, 0).squeeze(), width=110)
                st.caption(
                    f"**{say(f'flips.kind.{flip.kind}')}**  \n{say('compare.caption', **answers)}"
                )


def _answer(predictions: Predictions, value: object) -> str:
    if getattr(value, "ndim", 0) == 1:
        named = [n for n, v in zip(predictions.classes, value, strict=True) if v == 1]  # type: ignore[call-overload]
        return ", ".join(named) or "–"
    return predictions.classes[int(value)]  # type: ignore[call-overload]
