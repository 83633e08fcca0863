"""Where features are read: the proposed pairs of layers, and pairs of one's own."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from app.form import Form, read
from app.services import services
from app.texts import say, show_error
from kd_core.config import ModelSettings, WeightSettings
from kd_core.errors import KDLabError
from kd_core.losses import LossSpec
from kd_core.models import build_model
from kd_core.models.layer_list import layer_list
from kd_core.models.pairing import propose_pairs
from kd_core.tasks import TASKS

FORM = "distil"
Pairs = list[list[str]]


def layer_controls(form: Form, term: str, spec: LossSpec) -> None:
    """The pairs that are read, shown, and editable on request."""
    try:
        teacher, student, pairs = _networks(form, spec)
    except KDLabError as error:
        show_error(error)
        return
    kept = read(form.document, f"{term}.layers")
    known = all(t in teacher and s in student for t, s in kept)
    shown = kept if kept and known else pairs
    with st.expander(say("distil.layers", n=len(shown)), icon=":material/layers:"):
        st.caption(say("distil.layers.about"))
        own = form.edit(
            st.toggle,
            f"{term}.layers",
            say("distil.layers.own"),
            show=bool,
            store=lambda on: [list(pair) for pair in shown] if on else [],
        )
        if not own:
            for t, s in shown:
                st.markdown(
                    say("distil.layers.pair", teacher=t, t=teacher[t], student=s, s=student[s])
                )
            return
        for number in range(len(own)):
            _pair(form, f"{term}.layers.{number}", teacher, student, len(own))
        st.button(
            say("distil.layers.add"),
            icon=":material/add:",
            type="tertiary",
            key=f"layers-add-{term}",
            on_click=_more,
            args=(f"{term}.layers",),
        )


def _pair(form: Form, path: str, teacher: dict[str, str], student: dict[str, str], n: int) -> None:
    columns = st.columns([6, 6, 1], vertical_alignment="bottom")
    for side, (column, known) in enumerate(zip(columns, (teacher, student), strict=False)):
        with column:
            form.edit(
                st.selectbox,
                f"{path}.{side}",
                say("role.student" if side else "role.teacher"),
                options=list(known),
                format_func=lambda name, known=known: say(
                    "distil.layers.layer", name=name, shape=known[name]
                ),
            )
    with columns[2]:
        st.button(
            " ",
            icon=":material/delete:",
            type="tertiary",
            help=say("distil.layers.remove"),
            key=f"layers-remove-{path}",
            on_click=_fewer,
            args=(path,),
            disabled=n == 1,
        )


def _more(path: str) -> None:
    document = Form.kept(FORM)
    pairs = read(document, path)
    pairs.append(list(pairs[-1]))
    Form.load(FORM, document)


def _fewer(path: str) -> None:
    document = Form.kept(FORM)
    parent, _, number = path.rpartition(".")
    del read(document, parent)[int(number)]
    Form.load(FORM, document)


def _networks(form: Form, spec: LossSpec) -> tuple[dict[str, str], dict[str, str], Pairs]:
    """Layers of both networks with their shapes, and the proposed pairs."""
    document: dict[str, Any] = form.document
    data = services().library.get(document["data"]["dataset"])
    teacher = document["teacher"]["model"]
    if document["teacher"]["run"]:
        teacher = services().store.record(document["teacher"]["run"]).settings.model.to_json()
    return _read(
        json.dumps(teacher),
        json.dumps(document["student"]),
        data.channels,
        TASKS[data.task].n_outputs(data.classes),
        document["data"]["size"],
        spec.layers,
    )


@st.cache_data(show_spinner=False, max_entries=50)
def _read(
    teacher: str, student: str, channels: int, outputs: int, size: int, which: str
) -> tuple[dict[str, str], dict[str, str], Pairs]:
    nets = []
    for text in (teacher, student):
        settings = ModelSettings.from_json(json.loads(text))
        scratch = settings.change(weights=WeightSettings())  # shapes need no download
        nets.append(build_model(scratch, outputs, channels, size, seed=0))
    known = [
        {path: " × ".join(map(str, shape)) for path, shape in layer_list(n, channels, size).items()}
        for n in nets
    ]
    pairs = propose_pairs(nets[0], nets[1], channels, size, "last" if which == "last" else "stages")
    return known[0], known[1], [list(pair) for pair in pairs]
