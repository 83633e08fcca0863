"""What a run shows beside its curves: the balance of its loss, and the images that it made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import streamlit as st

from app.services import services
from app.texts import catalogue, entry_title, number, say
from kd_core.losses import LOSSES
from kd_core.study.rows import RunRow
from kd_core.text import significant
from kd_core.train.balance import Share, messages, read_balance
from kd_core.train.data_free import ABOUT, nearness_msg

SYNTHETIC = "synthetic.png"
UNLABELLED = "unlabelled.csv"


def details(run: RunRow) -> None:
    """The balance at the start, synthetic images and pseudo-labels, where the run has them."""
    of_folder(services().store.folder(run.id), run.key)


def of_folder(folder: Path, key: str) -> None:
    """:func:`details` of a run by its folder."""
    balance(folder, key)
    made(folder)


def part_name(column: str) -> str:
    """What a part of the loss is called, with the network's name in front where it is another's."""
    network, _, part = column.rpartition("/")
    name = part.removeprefix("loss.")
    text_id = f"part.{name}" if f"part.{name}" in catalogue() else f"loss.{name}.title"
    shown = say(text_id) if text_id in catalogue() else name
    return f"{network} · {shown}" if network else shown


def metric_name(column: str) -> str:
    """What a validation score is called, with the network's name in front where it is another's."""
    network, _, metric = column.rpartition("/")
    shown = say(f"metric.{metric.removeprefix('val.')}.title")
    return f"{network} · {shown}" if network else shown


def balance(folder: Path, key: str) -> None:
    """How hard each part pulls beside the labels in the first steps, with a suggestion."""
    found = read_balance(folder)
    if found is None or len(found.parts) < 2:
        return
    st.caption(f"**{say('balance.title', run=key)}** {say('balance.about', steps=found.steps)}")
    rows = [_line(name, part) for name, part in found.parts.items()]
    table = pd.DataFrame(rows)
    names = {name: say(f"balance.{name}") for name in table.columns}
    st.dataframe(table.rename(columns=names), hide_index=True, width="stretch", key="balance")
    for level, msg in messages(found):
        if level == "warning":
            st.warning(say(msg), icon=":material/balance:")


def _line(name: str, part: Share) -> dict[str, Any]:
    return {
        "part": entry_title(LOSSES, name) if name in LOSSES else say(f"part.{name}"),
        "weight": _short(part.weight),
        "size": _short(part.size),
        "gradient": _short(part.gradient),
        "pull": _short(part.pull),
    }


def _short(value: float | None) -> str:
    return "–" if value is None else number(significant(value, 3), "number")


def made(folder: Path) -> None:
    """Images that were made without data, and labels that a teacher gave."""
    picture, labels = folder / SYNTHETIC, folder / UNLABELLED
    if picture.is_file():
        st.image(str(picture), caption=say("made.synthetic"))
        _nearness(folder / ABOUT)
    if labels.is_file():
        st.caption(say("made.unlabelled", **_counts(labels)))


def _nearness(path: Path) -> None:
    """Whether made images are as near to the teacher's memory as real ones, where that is known."""
    if not path.is_file():
        return
    msg = nearness_msg(json.loads(path.read_text(encoding="utf-8")))
    if msg.id == "data_free.far":
        st.warning(say(msg), icon=":material/blur_on:")
    else:
        st.caption(say(msg))


@st.cache_data(show_spinner=False, max_entries=100)
def _counts(path: Path) -> dict[str, int]:
    """Images without labels, and how many were kept."""
    table = pd.read_csv(path)
    kept = table["kept"].astype(str).str.lower().isin(("1", "true")).sum()
    return {"n": len(table), "kept": int(kept)}
