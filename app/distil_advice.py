"""What to expect of a method: published gains for similar pairs beside this data set's own."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from app.form import Form
from app.services import services
from app.texts import entry_title, number, say
from kd_core.losses import LOSSES
from kd_core.study.advisor import Kin, OwnGain, kin, own_gains, published_gains
from kd_core.study.models_frame import frame_version
from kd_core.study.results import by_arm, results
from kd_core.tasks import TASKS
from kd_core.train.modes import MODES


def controls(form: Form, place: int, task: str) -> None:
    """One row a method: reported range, and what finished studies here gave."""
    document = form.document
    teacher = document["teacher"]["model"]["name"]
    if document["teacher"]["run"]:
        teacher = services().store.run(document["teacher"]["run"]).model
    student = document["student"]["name"]
    kind: Kin = kin(teacher, student)
    data_hash = services().library.get(document["data"]["dataset"]).hash
    st.caption(say(f"advice.about.{kind}", teacher=teacher, student=student))
    own = _own(frame_version(services().store), data_hash, task)
    st.dataframe(_table(kind, own), hide_index=True, width="stretch", key="advice")
    st.caption(say("advice.caption", metric=say(f"metric.{TASKS[task].select_metric}.title")))


def _table(kind: Kin, own: list[OwnGain]) -> pd.DataFrame:
    rows: list[dict[str, Any]] = []
    reported = {gain.method: gain for gain in published_gains(kind)}
    here: dict[str, list[OwnGain]] = {}
    for one in own:
        here.setdefault(one.method, []).append(one)
    for method in dict.fromkeys([*here, *reported]):
        gain, found = reported.get(method), here.get(method, [])
        points = [one.points for one in found]
        rows.append(
            {
                "method": _title(method),
                "reported": _range([gain.low, gain.high]) if gain else "–",
                "own": _range(points) if found else "–",
                "studies": say("advice.studies", n=len(found), seeds=sum(o.seeds for o in found))
                if found
                else "–",
                "pairs": say("advice.pairs", n=gain.pairs, below=gain.below) if gain else "–",
                "source": gain.source if gain else "–",
            }
        )
    table = pd.DataFrame(rows)
    return table.rename(columns={name: say(f"advice.column.{name}") for name in table.columns})


def _title(method: str) -> str:
    """Losses by their titles, with the mode in front as the advisor gives it."""
    mode, _, losses = method.rpartition(": ")
    names = [entry_title(LOSSES, name) for name in losses.split("+") if name in LOSSES]
    of_mode = f"{entry_title(MODES, mode)}: " if mode in MODES else ""
    return of_mode + " + ".join(names) if names else method


def _range(points: list[float]) -> str:
    low, high = round(min(points), 1), round(max(points), 1)
    return number(low, "number") if low == high else say("advice.range", low=low, high=high)


@st.cache_data(show_spinner=False, max_entries=50)
def _own(version: Any, data_hash: str, task: str) -> list[OwnGain]:
    """Gains of every finished study on these images."""
    found: list[OwnGain] = []
    for study in services().store.studies():
        if study.data_hash == data_hash and study.finished:
            arms = by_arm(results(services().store, study.id))
            metric = TASKS[task].select_metric
            found += own_gains(study.settings, study.name, arms, metric)
    return found
