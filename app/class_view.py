"""The Class page: the board for everybody, and what the teacher sees and sets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict

import pandas as pd
import streamlit as st

from app import class_board, class_enter, class_picture
from app.class_room import MB, room
from app.services import services
from app.texts import guarded, say, show_error
from app.visitor import ask_again, may, person
from kd_core.errors import KDLabError
from kd_core.study.board import Place, Rules
from kd_core.study.rights import VISITOR
from kd_core.study.submit import Limits

POLL = "3s"


def you() -> None:
    """Who one is here, and the limits that hold."""
    me = person()
    role = say(f"role.person.{me.role}")
    st.markdown(say("class.you", nickname=me.nickname, role=role))
    if me.role == "visitor":
        limits = Limits.from_environment()
        st.caption(
            say(
                "class.limits",
                queued=limits.queued(VISITOR),
                seconds=limits.run_s(VISITOR),
                upload=room().upload_bytes,
                used=class_board.used_bytes(),
            )
        )
        class_enter.become_teacher(me.nickname)


@st.fragment(run_every=POLL)
@guarded
def board() -> None:
    """The board, read again every few seconds."""
    rules, places = class_board.rules(), class_board.places()
    st.subheader(say("class.board"))
    st.caption(say("class.board.about"))
    _rules(rules)
    if not places:
        st.info(say("class.board.none"))
        return
    class_picture.picture("class", person().id)
    columns = ("nickname", "board.accuracy", "board.size", "board.rank")
    named = {
        name: say(f"class.{'column.' if name == 'nickname' else ''}{name}") for name in columns
    }
    table = pd.DataFrame(
        {
            named["nickname"]: [place.nickname for place in places],
            named["board.accuracy"]: [place.accuracy for place in places],
            named["board.size"]: [place.size_bytes / MB for place in places],
            named["board.rank"]: [_rank(place) for place in places],
        }
    )
    st.dataframe(
        table,
        hide_index=True,
        width="stretch",
        column_config={
            named["board.accuracy"]: st.column_config.NumberColumn(format="%.3f"),
            named["board.size"]: st.column_config.NumberColumn(format="%.3g"),
        },
    )


def _rank(place: Place) -> str:
    return str(place.rank) if place.rank else say("class.board.outside")


def _rules(rules: Rules) -> None:
    state = "class.board.open" if rules.is_open else "class.board.closed"
    budget = "class.board.budget" if rules.budget_bytes else "class.board.no_budget"
    told = [say(state, dataset=rules.dataset)] if rules.dataset or not rules.is_open else []
    st.markdown(" ".join([*told, say(budget, budget=rules.budget_bytes)]))


def mine() -> None:
    """Put one's own model on the board, or take it off."""
    st.subheader(say("class.board.mine"))
    models = class_board.my_models()
    if not models:
        st.caption(say("class.board.mine.none"))
        return
    chosen = st.selectbox(
        say("class.board.model"),
        list(models),
        format_func=lambda key: f"{models[key][0].key} · {models[key][1].name}",
        key="class-model",
    )
    with st.container(horizontal=True):
        if st.button(say("class.board.enter"), type="primary"):
            _do(lambda: class_board.enter(*chosen), "class.board.entered")
        if st.button(say("class.board.leave")):
            _do(class_board.leave, "")


def teacher() -> None:
    """What the teacher sets, who is here, and the end of the class."""
    if not may("board"):
        return
    left, right = st.columns(2, gap="large")
    with left:
        _settings()
        _end()
    with right:
        _people()


def _settings() -> None:
    rules, names = class_board.rules(), services().library.names()
    st.subheader(say("class.set"))
    with st.form("class-set"):
        is_open = st.checkbox(say("class.set.open"), rules.is_open)
        at = names.index(rules.dataset) if rules.dataset in names else 0
        dataset = st.selectbox(say("class.set.dataset"), names, index=at)
        budget = st.number_input(
            say("class.set.budget"), min_value=0.0, value=rules.budget_bytes / MB, step=0.1
        )
        if st.form_submit_button(say("class.set.save"), type="primary"):
            _do(
                lambda: class_board.set_rules(
                    is_open=is_open, dataset=str(dataset), budget_bytes=round(budget * MB)
                ),
                "class.set.saved",
            )


@st.fragment(run_every=POLL)
@guarded
def _people() -> None:
    st.subheader(say("class.people"))
    runs = class_board.class_runs()
    running = sum(run.status == "running" for run in runs)
    waiting = sum(run.status in ("queued", "waiting") for run in runs)
    st.caption(say("class.queue", running=running, waiting=waiting, n=len(runs)))
    found = class_board.here()
    if not found:
        st.info(say("class.people.none"))
        return
    table = [
        {
            say("class.column.nickname"): one.person.nickname,
            say("class.column.role"): say(f"role.person.{one.person.role}"),
            say("class.column.runs"): one.runs,
            say("class.column.active"): one.active,
            say("class.column.upload"): one.upload_bytes / MB,
        }
        for one in found
    ]
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    _let_out({one.person.id: one.person.nickname for one in found if one.person != person()})


def _let_out(names: dict[str, str]) -> None:
    """Free the place of one person."""
    if not names:
        return
    with st.popover(say("class.let_out"), icon=":material/person_remove:"):
        st.write(say("class.let_out.about"))
        chosen = st.selectbox(
            say("class.column.nickname"),
            list(names),
            format_func=lambda one: names[one],
            key="class-let-out",
        )
        if st.button(say("class.let_out.go"), key="class-let-out-go"):
            _do(lambda: class_board.remove_person(chosen), "")


def _end() -> None:
    with st.container(horizontal=True):
        if st.button(say("class.reset"), icon=":material/mop:"):
            _do(class_board.reset, "")
        with st.popover(say("class.wipe"), icon=":material/delete:"):
            st.write(say("class.wipe.about"))
            sure = st.checkbox(say("class.wipe.sure"), key="class-wipe-sure")
            if st.button(say("class.wipe.yes"), disabled=not sure):
                _do(_wipe, "")


def _wipe() -> None:
    """Forgets the teacher too, so what was removed is said at the door."""
    removed = class_board.wipe_class()
    st.session_state[class_enter.WIPED] = {**asdict(removed), "size": removed.freed_bytes}
    ask_again()


def _do(act: Callable[[], object], said: str) -> None:
    """Carry something out, say how it went, and draw the page anew."""
    try:
        act()
    except KDLabError as error:
        show_error(error)
        return
    if said:
        st.session_state["class-said"] = said
    st.rerun()


def said() -> None:
    """What the last act did."""
    done = st.session_state.pop("class-said", None)
    if done:
        st.success(say(done), icon=":material/check:")
