"""The replay of a run: what the student said of a few images, look by look."""

from __future__ import annotations

import numpy as np
import streamlit as st

from app.learn_view import picture_config
from app.services import services
from app.texts import guarded, number, say
from app.theme import is_dark
from kd_core.data.loaded import Part
from kd_core.figures.replay import replay_figure, replay_info
from kd_core.lessons.live import live_data
from kd_core.lessons.material import Material
from kd_core.study.pipeline import load_data
from kd_core.study.replay import Looks, read_looks

PLAY_S = 0.8
SHOWN = 12
"""Images that are shown of those that were asked about."""

WIDTH_PX = 84
AT, PLAYING = "try-replay-at", "try-replay-playing"


@st.cache_resource(show_spinner=False, max_entries=6)
def _seen(_material: Material, key: str) -> Part:
    """The validation part as a live run sees it."""
    return load_data(live_data(_material), _material.home).parts["val"]


def curve(material: Material, run_id: str) -> None:
    """How many of the images the student has right so far; nothing before the first look."""
    looks = read_looks(services().store.folder(run_id))
    if looks is not None:
        _picture(material, looks, len(looks.steps) - 1, "try-live")


def replay(material: Material, run_id: str) -> None:
    """The whole run again, by slider or by itself; nothing where nothing was kept."""
    looks = read_looks(services().store.folder(run_id))
    if looks is None:
        return
    playing = bool(st.session_state.get(PLAYING))
    st.fragment(guarded(_replay), run_every=PLAY_S if playing else None)(material, looks)


def _replay(material: Material, looks: Looks) -> None:
    st.markdown(f"**{say('try.replay')}**")
    last = len(looks.steps) - 1
    playing = bool(st.session_state.get(PLAYING))
    at = min(st.session_state.get(AT, last), last)
    if playing and at >= last:
        st.session_state[PLAYING] = False
        st.rerun()
    if playing:
        st.session_state[AT] = at + 1
    else:
        st.session_state[AT] = at
    left, right = st.columns([1, 5], vertical_alignment="bottom")
    icon = ":material/pause:" if playing else ":material/play_arrow:"
    label = say("try.pause" if playing else "try.play")
    if left.button(label, icon=icon, key="try-play"):
        st.session_state[PLAYING] = not playing
        if not playing and st.session_state[AT] >= last:
            st.session_state[AT] = 0
        st.rerun()
    chosen: int = right.select_slider(
        say("try.replay.step"),
        list(range(last + 1)),
        key=AT,
        format_func=lambda look: number(int(looks.steps[look]), "int"),
    )
    _picture(material, looks, chosen, "try-replay")
    _images(material, looks, chosen)
    st.caption(say("try.replay.caption", n=len(looks.rows)))


def _picture(material: Material, looks: Looks, at: int, key: str) -> None:
    part = _seen(material, material.key)
    answers = looks.logits.argmax(-1)  # (L, n)
    targets = np.asarray(part.targets[looks.rows], np.int64)
    info = replay_info(looks.steps, answers, targets, at)
    st.plotly_chart(
        replay_figure(info, say, is_dark()),
        width="stretch",
        theme=None,
        key=key,
        config=picture_config("live", key),
        alt=say("try.replay.words", step=info.steps[at], share=info.shares[at]),
    )


def _images(material: Material, looks: Looks, at: int) -> None:
    """Images with what the student said of them at one look."""
    part = _seen(material, material.key)
    picked = np.linspace(0, len(looks.rows) - 1, min(SHOWN, len(looks.rows))).astype(int)
    logits = looks.logits[at, picked]  # (m, K)
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    shares /= shares.sum(-1, keepdims=True)
    with st.container(horizontal=True):
        for place, share in zip(picked, shares, strict=True):
            row = int(looks.rows[place])
            said, right = int(share.argmax()), int(part.targets[row])
            known = "try.said.right" if said == right else "try.said.wrong"
            caption = say(
                known,
                said=material.classes[said],
                right=material.classes[right],
                sure=float(share[said]),
            )
            pixels = np.moveaxis(part.images[row], 0, -1)  # (S, S, C)
            shown = np.broadcast_to(pixels, (*pixels.shape[:2], 3))
            st.image(shown, caption=caption, width=WIDTH_PX, alt=caption)
