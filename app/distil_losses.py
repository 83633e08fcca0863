"""What the student minimises: α, the losses with their weights, and the formula in numbers."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import distil_layers
from app.controls import edit_params
from app.form import Form, read, write
from app.texts import catalogue, entry_about, entry_title, say, separators
from kd_core.config import DistilSettings
from kd_core.losses import LOSSES, LossSpec
from kd_core.study.methods import refusal, usual_term
from kd_core.train.modes import MODES

FORM = "distil"
MOST = 6
"""Losses at once; more than that nobody can weigh."""

FAMILIES = ("response", "feature", "relation")


def loss_controls(form: Form, place: int, task: str) -> None:
    """α, the losses and the formula of one arm.

    Args:
        form: The form.
        place: Which arm.
        task: Entry of ``TASKS``.
    """
    path = f"arms.{place}.distil"
    mode = read(form.document, f"{path}.mode")
    losses = read(form.document, f"{path}.losses")
    if mode in MODES and not MODES[mode].losses:
        st.caption(say("distil.mode.own_losses"))
        losses = []
    elif not losses:
        _alpha(form, path, losses)
    for number in range(len(losses)):
        _loss(form, path, number, task)
    formula(read(form.document, path), task)


def _loss(form: Form, path: str, number: int, task: str) -> None:
    """One loss: its weight and parameters on the left, which one on the right."""
    term = f"{path}.losses.{number}"
    losses = read(form.document, f"{path}.losses")
    columns = st.columns([3, 3, 4])
    name = losses[number]["name"]
    spec = dict(LOSSES.items()).get(name)
    with columns[0]:
        if number == 0:
            _alpha(form, path, losses)
        own = losses[number]["weight"] is not None
        if own or len(losses) > 1 or (spec is not None and spec.family != "response"):
            _weight(form, term, spec)
    with columns[2]:
        _choose(form, path, number, task, len(losses))
    with columns[1]:
        edit_params(form, LOSSES, name, f"{term}.params")
    if spec is not None and any(param.advanced for param in spec.params):
        with st.expander(say("distil.loss.advanced", loss=entry_title(LOSSES, name))):
            edit_params(form, LOSSES, name, f"{term}.params", advanced=True)
    if spec is not None and spec.needs == "features":
        distil_layers.layer_controls(form, term, spec)


def _alpha(form: Form, path: str, losses: list[dict[str, Any]]) -> None:
    """The weight of the labels, where a response loss shares 1 with it."""
    free = read(form.document, f"{path}.task_weight") is None
    used = free and any(
        t["name"] in LOSSES and LOSSES[t["name"]].family == "response" for t in losses
    )
    form.edit(
        st.slider,
        f"{path}.alpha",
        say("distil.alpha"),
        min_value=0.0,
        max_value=1.0,
        step=0.05,
        disabled=not used,
        help=say("distil.alpha.help" if used else "distil.alpha.unused"),
    )


def _weight(form: Form, term: str, spec: LossSpec | None) -> None:
    """A weight of its own; empty is 1 − α, which only response losses may have."""
    shares = spec is not None and spec.family == "response"
    about = say("distil.weight.help")
    if spec is not None and spec.range is not None:
        low, high = spec.range
        about += " " + say("distil.weight.range", low=low, high=high, source=spec.source)
    if not shares and read(form.document, f"{term}.weight") is None:
        write(form.document, f"{term}.weight", 1.0)
    form.edit(
        st.number_input,
        f"{term}.weight",
        say("distil.weight"),
        show=lambda value: value if value is None else float(value),
        min_value=0.0,
        max_value=1e6,
        step=0.1,
        format="%g",
        placeholder=say("distil.weight.rest") if shares else None,
        help=about,
    )


def _choose(form: Form, path: str, number: int, task: str, n: int) -> None:
    """Which loss; those that cannot be used here stand last and say why."""
    here = f"{path}.losses.{number}.name"
    taken = {t["name"] for i, t in enumerate(read(form.document, f"{path}.losses")) if i != number}
    mode = read(form.document, f"{path}.mode")
    refused = {n: why for n in LOSSES if (why := reason(n, task, taken, mode)) is not None}
    order = sorted(LOSSES, key=lambda name: (name in refused, FAMILIES.index(LOSSES[name].family)))
    box, *button = st.columns([8, 1] if n > 1 else [1], vertical_alignment="bottom")
    with box:
        chosen = form.edit(
            st.selectbox,
            here,
            say("distil.loss"),
            options=order,
            format_func=lambda name: _option(name, refused),
            on_change=_changed,
            args=(form.key(here), path, number),
        )
    for place in button:
        with place:
            _remove(path, number)
    if chosen in refused:
        st.warning(refused[chosen], icon=":material/block:")
    if chosen in LOSSES:
        st.caption(entry_about(LOSSES, chosen))


def _remove(path: str, number: int) -> None:
    st.button(
        " ",
        icon=":material/delete:",
        type="tertiary",
        help=say("distil.loss.remove"),
        key=f"loss-remove-{path}-{number}",
        on_click=_dropped,
        args=(path, number),
    )


def _option(name: str, refused: dict[str, str]) -> str:
    if name not in LOSSES:
        return name
    title = entry_title(LOSSES, name)
    family = say(f"family.{LOSSES[name].family}")
    kind = "distil.loss.option.refused" if name in refused else "distil.loss.option"
    return say(kind, family=family, title=title)


def reason(name: str, task: str, taken: set[str], mode: str) -> str | None:
    """Why a loss cannot be chosen here; ``None`` where it can."""
    if name in taken:
        return say("distil.loss.taken")
    why = refusal(mode, name) if mode in MODES else None
    if why is not None:
        return say(f"distil.loss.{why}", mode=entry_title(MODES, mode))
    if task in LOSSES[name].forms:
        return None
    own = f"loss.{name}.not.{task}"
    return (
        say(own)
        if own in catalogue()
        else say("distil.loss.no_form", task=say(f"task.{task}.title"))
    )


def can_add(distil: dict[str, Any], task: str) -> bool:
    """Whether one more loss can be chosen."""
    return len(distil["losses"]) < MOST and _next(distil, task) is not None


def _next(distil: dict[str, Any], task: str) -> str | None:
    """What is added first: a loss of a family that is not there yet."""
    taken = {term["name"] for term in distil["losses"]}
    there = {LOSSES[name].family for name in taken if name in LOSSES}
    fitting = [name for name in LOSSES if reason(name, task, taken, distil["mode"]) is None]
    return min(fitting, key=lambda name: LOSSES[name].family in there, default=None)


def add(place: int, task: str) -> None:
    """One more loss for an arm, as a button does it."""
    document = Form.kept(FORM)
    distil = document["arms"][place]["distil"]
    name = _next(distil, task)
    if name is not None:
        distil["losses"].append(usual_term(name).to_json())
    Form.load(FORM, document)


def _dropped(path: str, number: int) -> None:
    document = Form.kept(FORM)
    del read(document, f"{path}.losses")[number]
    Form.load(FORM, document)


def _changed(key: str, path: str, number: int) -> None:
    """Another loss comes with its own usual weight and parameters."""
    name = st.session_state[key]
    document = Form.kept(FORM)
    write(document, f"{path}.losses.{number}", usual_term(name).to_json())
    Form.load(FORM, document)


# --- the formula --------------------------------------------------------------------------------


def formula(distil: dict[str, Any], task: str) -> None:
    """L with the current numbers in it."""
    st.latex(formula_text(distil, task))
    notes = [say("distil.formula.caption")]
    if distil["warmup"]:
        notes.append(say("distil.formula.warmup", share=distil["warmup"]))
    ramps = [say("distil.formula.ramp", of=r["of"], end=r["end"]) for r in distil["ramps"]]
    about = f"mode.{distil['mode']}.formula"
    if about in catalogue():
        notes.append(say(about, **_mode_values(distil)))
    st.caption(" ".join([*notes, *ramps]))


def formula_text(distil: dict[str, Any], task: str) -> str:
    """``L = w · L_task + Σ wᵢ · Lᵢ`` in LaTeX."""
    settings = DistilSettings.from_json(distil)
    known = [term for term in settings.losses if term.name in LOSSES]
    responds = any(LOSSES[term.name].family == "response" for term in known)
    labels = settings.alpha if responds else 1.0
    if settings.task_weight is not None:
        labels = settings.task_weight
    parts = [rf"{_shown(labels)} \cdot {say(f'task.{task}.formula')}"]
    for term in known:
        weight = 1 - settings.alpha if term.weight is None else term.weight
        parts.append(rf"{_shown(weight)} \cdot {_knowledge(term.name, dict(term.params), task)}")
    if len(parts) == 1:
        return f"L = {parts[0]}"
    # one line a term: together they are wider than a phone, or the form
    lines = r" \\ & + ".join(parts)
    return rf"\begin{{aligned}} L = {{}} & {lines} \end{{aligned}}"


def _shown(weight: float) -> str:
    """A weight in LaTeX, with the decimal separator of the visitor's language."""
    text = f"{weight:.2f}" if 0.01 <= weight < 100 or weight == 0 else f"{weight:g}"
    mark = separators()[0]
    return text.replace(".", "{,}" if mark == "," else mark)  # a bare comma would leave a gap


def _knowledge(name: str, params: dict[str, Any], task: str) -> str:
    """A loss as LaTeX with its own numbers; its name where it has no short formula."""
    values = {**LOSSES[name].defaults(), **params}
    for text_id in (f"loss.{name}.formula.{task}", f"loss.{name}.formula"):
        if text_id in catalogue():
            return say(text_id, **values)
    return rf"L_{{\text{{{entry_title(LOSSES, name)}}}}}"


def _mode_values(distil: dict[str, Any]) -> dict[str, Any]:
    own = MODES[distil["mode"]].defaults() if distil["mode"] in MODES else {}
    return {**own, **distil["params"]}
