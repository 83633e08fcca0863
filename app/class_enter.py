"""The page of a visitor who has not said the class code, and the way to become the teacher."""

from __future__ import annotations

import streamlit as st

from app.texts import language_switch, say, show_error
from app.visitor import come_in
from kd_core.errors import KDLabError
from kd_core.study.people import NICKNAME_CHARS

WORD_CHARS = 100
WIPED = "class-wiped"
"""What the teacher removed a moment ago, for whom the door is the next page."""


def show() -> None:
    """Code and nickname; the page that was asked for follows."""
    _, middle, _ = st.columns([1, 2, 1])
    with middle:
        if removed := st.session_state.get(WIPED):
            st.success(say("class.wiped", **removed), icon=":material/check:")
        st.title(say("class.enter.title"))
        st.markdown(say("class.enter.about"))
        with st.form("class-enter"):
            word = st.text_input(
                say("class.enter.code"),
                type="password",
                max_chars=WORD_CHARS,
                help=say("class.enter.code.help"),
                autocomplete="off",
                key="class-enter-code",
            )
            nickname = st.text_input(
                say("class.enter.nickname"),
                max_chars=NICKNAME_CHARS,
                help=say("class.enter.nickname.help"),
                autocomplete="off",
                key="class-enter-nickname",
            )
            if st.form_submit_button(say("class.enter.go"), type="primary", width="stretch"):
                _try(word, nickname)
        language_switch()


def become_teacher(nickname: str) -> None:
    """A field for the teacher's token, for who came in with the class code."""
    box = st.expander(say("class.teacher"), icon=":material/key:")
    with box.form("class-teacher", border=False):
        word = st.text_input(
            say("class.teacher.token"), type="password", max_chars=WORD_CHARS, autocomplete="off"
        )
        if st.form_submit_button(say("class.teacher.go")):
            _try(word, nickname)


def _try(word: str, nickname: str) -> None:
    try:
        come_in(word, nickname)
    except KDLabError as error:
        show_error(error)
        return
    st.session_state.pop(WIPED, None)
    st.rerun()
