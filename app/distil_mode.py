"""How networks learn together: the mode, its own settings, and the networks beside the student."""

from __future__ import annotations

import copy

import streamlit as st

from app.controls import choose_entry, edit_params
from app.form import Form, read, write
from app.texts import catalogue, entry_about, entry_title, say
from kd_core.models import MODELS
from kd_core.study.methods import PLAIN, refusal, usual_term
from kd_core.train.modes import MODES, ModeSpec

FORM = "distil"


def controls(form: Form, place: int, task: str) -> None:
    """The mode with its parameters, and its peers."""
    path = f"arms.{place}.distil"
    refused = {name: why for name in MODES if (why := reason(name, task)) is not None}
    name = form.edit(
        st.selectbox,
        f"{path}.mode",
        say("distil.mode"),
        options=sorted(MODES, key=lambda mode: mode in refused),
        format_func=lambda mode: (
            say("distil.mode.refused", mode=entry_title(MODES, mode))
            if mode in refused
            else entry_title(MODES, mode)
        ),
        on_change=_changed,
        args=(form.key(f"{path}.mode"), place),
    )
    spec = MODES[name]
    if name in refused:
        st.warning(refused[name], icon=":material/block:")
    st.caption(entry_about(MODES, name))
    for note in notes(spec, read(form.document, path)):
        st.caption(note)
    edit_params(form, MODES, name, f"{path}.params")
    if any(param.advanced for param in spec.params):
        with st.expander(say("distil.mode.more")):
            edit_params(form, MODES, name, f"{path}.params", advanced=True)
    _peers(form, path, spec)


def reason(name: str, task: str) -> str | None:
    """Why a mode cannot be used for a task; ``None`` where it can."""
    if task in MODES[name].tasks:
        return None
    own = f"mode.{name}.refused"
    return (
        say(own)
        if own in catalogue()
        else say("distil.mode.no_task", task=say(f"task.{task}.title"))
    )


def notes(spec: ModeSpec, distil: dict[str, object]) -> list[str]:
    """What of the choices above a mode does not use."""
    found = []
    if not spec.needs_teacher and spec.plan is None:
        found.append(say("distil.mode.no_teacher"))
    if not spec.losses:
        found.append(say("distil.mode.own_losses"))
    return found


def _changed(key: str, place: int) -> None:
    """Another mode comes with its own parameters and as many peers as it needs."""
    document = Form.kept(FORM)
    distil = document["arms"][place]["distil"]
    spec = MODES[st.session_state[key]]
    distil["mode"], distil["params"] = st.session_state[key], spec.defaults()
    fitting = [t for t in distil["losses"] if refusal(distil["mode"], t["name"]) is None]
    usual = [] if refusal(distil["mode"], PLAIN) else [usual_term(PLAIN).to_json()]
    distil["losses"] = (fitting or usual) if spec.losses else distil["losses"]
    low, high = spec.peers
    peers = distil["peers"][:high]
    lacking = range(low - len(peers))
    distil["peers"] = [*peers, *(copy.deepcopy(document["student"]) for _ in lacking)]
    Form.load(FORM, document)


def _peers(form: Form, path: str, spec: ModeSpec) -> None:
    """The networks that learn beside the student, each of its own kind."""
    low, high = spec.peers
    if high == 0:
        write(form.document, f"{path}.peers", [])
        return
    peers = read(form.document, f"{path}.peers")
    st.markdown(say("distil.peers", low=low, high=high))
    fitting = [name for name, entry in MODELS.items() if "student" in entry.roles]
    for number in range(len(peers)):
        left, right = st.columns([8, 1], vertical_alignment="top")
        here = f"{path}.peers.{number}"
        with left:
            label = say("distil.peer", n=number + 1)
            chosen = choose_entry(form, MODELS, f"{here}.name", label, fitting)
            edit_params(form, MODELS, chosen, f"{here}.params")
        with right:
            st.button(
                " ",
                icon=":material/delete:",
                type="tertiary",
                help=say("distil.peer.remove"),
                key=f"peer-remove-{here}",
                on_click=_peer_less,
                args=(path, number),
                disabled=len(peers) <= low,
            )
    st.button(
        say("distil.peer.add"),
        icon=":material/add:",
        type="tertiary",
        key="peer-add",
        on_click=_peer_more,
        args=(path,),
        disabled=len(peers) >= high,
    )


def _peer_more(path: str) -> None:
    document = Form.kept(FORM)
    read(document, f"{path}.peers").append(copy.deepcopy(document["student"]))
    Form.load(FORM, document)


def _peer_less(path: str, number: int) -> None:
    document = Form.kept(FORM)
    del read(document, f"{path}.peers")[number]
    Form.load(FORM, document)
