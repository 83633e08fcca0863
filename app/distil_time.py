"""How the objective changes over the budget: warm-up, and numbers that move to another value."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.form import Form, read
from app.texts import entry_title, param_text, say
from kd_core.config import DistilSettings
from kd_core.losses import LOSSES
from kd_core.study.grids import axes

FORM = "distil"
MOST = 8


def controls(form: Form, place: int, task: str) -> None:
    """Warm-up of the distillation weights, and one row a number that moves."""
    path = f"arms.{place}.distil"
    form.edit(
        st.slider,
        f"{path}.warmup",
        say("distil.warmup"),
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        help=say("distil.warmup.help"),
    )
    known = movable(read(form.document, path))
    for number in range(len(read(form.document, f"{path}.ramps"))):
        _ramp(form, path, number, known)
    taken = {ramp["of"] for ramp in read(form.document, f"{path}.ramps")}
    free = [name for name in known if name not in taken]
    st.button(
        say("distil.ramp.add"),
        icon=":material/add:",
        type="tertiary",
        key="ramp-add",
        on_click=_add,
        args=(path, free[0] if free else "", known.get(free[0], 0.0) if free else 0.0),
        disabled=not free,
    )


def movable(distil: dict[str, Any]) -> dict[str, float]:
    """Numbers that can move, with the value they begin with."""
    known = [term for term in distil["losses"] if term["name"] in LOSSES]
    return axes(DistilSettings.from_json({**distil, "losses": known}))


def title(of: str) -> str:
    """What a number is called."""
    loss, _, param = of.rpartition(".")
    if not loss:
        return say("distil.alpha")
    own = say("distil.weight") if param == "weight" else param_text(LOSSES, loss, param, "title")
    return f"{entry_title(LOSSES, loss)} · {own}"


def _ramp(form: Form, path: str, number: int, known: dict[str, float]) -> None:
    here = f"{path}.ramps.{number}"
    what, end, shape, button = st.columns([5, 3, 3, 1], vertical_alignment="bottom")
    current = read(form.document, f"{here}.of")
    with what:
        of = form.edit(
            st.selectbox,
            f"{here}.of",
            say("distil.ramp.of"),
            options=list(dict.fromkeys([*known, current])),
            format_func=title,
        )
    with end:
        form.edit(
            st.number_input,
            f"{here}.end",
            say("distil.ramp.end", start=known.get(of, 0.0)),
            show=float,
            min_value=0.0,
            step=0.1,
            format="%g",
        )
    with shape:
        form.edit(
            st.selectbox,
            f"{here}.shape",
            say("distil.ramp.shape"),
            options=["linear", "cosine"],
            format_func=lambda name: say(f"distil.ramp.shape.{name}"),
        )
    with button:
        st.button(
            " ",
            icon=":material/delete:",
            type="tertiary",
            help=say("distil.ramp.remove"),
            key=f"ramp-remove-{number}",
            on_click=_remove,
            args=(path, number),
        )


def _add(path: str, of: str, end: float) -> None:
    document = Form.kept(FORM)
    ramps = read(document, f"{path}.ramps")
    if len(ramps) < MOST:
        ramps.append({"of": of, "end": float(end), "shape": "linear"})
    Form.load(FORM, document)


def _remove(path: str, number: int) -> None:
    document = Form.kept(FORM)
    del read(document, f"{path}.ramps")[number]
    Form.load(FORM, document)
