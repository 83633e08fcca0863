"""The class board as a picture, on the Class page and where a class tries its own runs."""

from __future__ import annotations

import streamlit as st

from app import class_board
from app.learn_view import picture_config
from app.texts import guarded, say
from app.theme import is_dark
from app.visitor import person
from kd_core.figures.class_board import Entry, board_figure, board_info, board_words

POLL = "15s"


@st.fragment(run_every=POLL)
@guarded
def show(where: str) -> None:
    """The picture with its heading, drawn again now and then.

    Args:
        where: The page, since two pictures on one would need two keys.
    """
    rules, me = class_board.rules(), person()
    st.subheader(say("class.board"))
    state = "class.board.open" if rules.is_open else "class.board.closed"
    st.caption(say(state, dataset=rules.dataset))
    picture(where, me.id)


def picture(where: str, me: str) -> None:
    """The picture alone; a sentence where nobody is on the board."""
    places = class_board.places()
    if not places:
        st.info(say("class.board.none"))
        return
    entries = [
        Entry(place.nickname, place.size_bytes, place.accuracy, place.rank, place.person == me)
        for place in places
    ]
    info = board_info(entries, class_board.rules().budget_bytes)
    st.plotly_chart(
        board_figure(info, say, is_dark()),
        width="stretch",
        theme=None,
        key=f"class-board-{where}",
        config=picture_config("class", "board"),
        alt=say(board_words(info)),
    )
