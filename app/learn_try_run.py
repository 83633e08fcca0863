"""One live run: its place in the queue, its curve, what came of it, and a replay."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app import class_board, learn_try, learn_try_replay, services_live
from app.class_room import class_open
from app.live import ICONS
from app.services import ask, services
from app.texts import guarded, number, say, show_error
from app.visitor import allowed, may_change
from kd_core.errors import KDLabError
from kd_core.lessons.made_map import LiveMap
from kd_core.lessons.material import Material
from kd_core.study.board import METRIC
from kd_core.study.records import MODEL
from kd_core.study.rows import ACTIVE, RunRow

POLL_S, UNKNOWN_POLL_S, LONGEST_POLL_S = 1, 5, 12
WAITS = ("queued", "waiting")
LOOKS_PER_WAIT = 5
"""A run that waits its turn is looked at about so often until then, but no less often than every
``LONGEST_POLL_S``: a class that waits would keep the server, and thirty browsers, busy otherwise.
"""


def follow(material: Material, run_id: str) -> None:
    """The run: looked at again and again while it waits or runs, still afterwards."""
    run = services().store.run(run_id)
    active = run.status in ACTIVE
    every = poll_s(run) if active else None
    st.fragment(guarded(_follow), run_every=every)(material, run_id, run.status)
    if not active:
        learn_try_replay.replay(material, run_id)


def poll_s(run: RunRow) -> int:
    """Seconds from one look to the next, by the state and the wait that is expected."""
    if run.status not in WAITS:
        return POLL_S
    place = services().jobs.place(run.id)
    wait_s = place.starts_in_s if place else None
    if wait_s is None:
        return UNKNOWN_POLL_S
    return min(LONGEST_POLL_S, max(2 * POLL_S, round(wait_s / LOOKS_PER_WAIT)))


def _follow(material: Material, run_id: str, before: str) -> None:
    allowed("look")  # the class may have been wiped, and the run with it
    run = services().store.run(run_id)
    if run.status != before:
        st.rerun()  # the replay, the board and the button belong to the page
    st.subheader(say("try.mine", **_asked(run)))
    if run.status == "finished":
        _result(material, run)
        return
    st.markdown(f"{ICONS[run.status]} {_state(run)}")
    if run.status == "queued":
        _place(run)
    elif run.status == "running":
        share = min(1.0, (run.done or 0) / run.total) if run.total else 0.0
        st.progress(share)
        learn_try_replay.curve(material, run_id)
    if run.error is not None:
        st.caption(say(run.error.msg))
    stop = run.status in ACTIVE and may_change(run.owner)
    if stop and st.button(say("live.stop"), icon=":material/stop:", key="try-stop"):
        ask(run.id, "cancel")
        st.rerun()  # the next look may be seconds away


def _asked(run: RunRow) -> dict[str, float]:
    distil = services().store.settings(run.id).distil
    assert distil is not None  # a live run learns from a teacher
    return {"alpha": distil.alpha, "T": float(distil.losses[0].params["T"])}


def _state(run: RunRow) -> str:
    if run.status == "running" and run.stage:
        return say(f"stage.{run.stage}")
    return say(f"status.{run.status}")


def _place(run: RunRow) -> None:
    place = services().jobs.place(run.id)
    if place is not None:
        known = "live.place" if place.starts_in_s is not None else "live.place_only"
        st.caption(say(known, place=place.position, starts=place.starts_in_s))


def accuracy(run: RunRow | None, metric: str) -> float | None:
    """What a finished run reached on the validation part."""
    if run is None or run.status != "finished":
        return None
    models = services().store.models(run=run.id)
    return models[0].values.get(metric) if models else None


def row(run: RunRow) -> dict[str, Any]:
    """A run as a line of the table of what was tried."""
    asked = _asked(run)
    reached = accuracy(run, METRIC)
    return {
        "α": asked["alpha"],
        "T": asked["T"],
        say("class.board.accuracy"): number(reached, "score"),
        say("try.state"): say(f"status.{run.status}"),
    }


def _result(material: Material, run: RunRow) -> None:
    """The run beside the student alone and beside what the map said before."""
    found: LiveMap | None = material.made.get("map")
    metric = METRIC if found is None else learn_try.metric_of(found)
    mine = accuracy(run, metric)
    alone = accuracy(services_live.alone_run(material), metric)
    mapped = None if found is None else found.map(metric)
    point = None if mapped is None else mapped.at(*_asked(run).values())
    columns = st.columns(3)
    columns[0].metric(say("try.reached"), number(mine, "score"))
    columns[1].metric(say("try.alone"), number(alone, "score"))
    if point is not None:
        columns[2].metric(say("try.map"), number(point[2], "score"))
    if mine is not None and alone is not None and mapped is not None:
        gap = mine - alone
        if abs(gap) <= mapped.noise:
            st.markdown(say("try.result.chance", gap=gap, noise=mapped.noise))
        else:
            word = "better" if gap > 0 else "worse"
            st.markdown(say(f"try.result.{word}", gap=abs(gap), noise=mapped.noise))
    elif alone is None:
        st.caption(say("try.alone_later"))
    if class_open():
        _to_board(run)


def _to_board(run: RunRow) -> None:
    """One click onto the class board."""
    rules = class_board.rules()
    wanted = st.button(
        say("class.board.enter"),
        icon=":material/leaderboard:",
        disabled=not rules.is_open,
        help=None if rules.is_open else say("class.board.closed"),
        key="try-board",
    )
    if not wanted:
        return
    try:
        class_board.enter(run.id, MODEL)
    except KDLabError as error:
        show_error(error)
        return
    st.success(say("class.board.entered"), icon=":material/check:")
