"""What a chain would give, and its start."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from app import compress_form
from app.compress_results import pace_s
from app.form import Form
from app.services import services, submit
from app.texts import number, say, show_error
from kd_core.compress.check import check_chain
from kd_core.compress.preflight import Ask, Expected, refusals
from kd_core.compress.preflight_aside import preflight_aside
from kd_core.config import Chain
from kd_core.errors import KDLabError
from kd_core.latency.devices import all_devices, device_title
from kd_core.study.compress_plan import plan
from kd_core.study.cost import chain_seconds
from kd_core.study.model_files import network_file
from kd_core.study.results import Result
from kd_core.study.rows import StudyRow
from kd_core.text import Msg

ASKED = "compress-asked"
FOUND = "compress-found"


def ask_of(study: StudyRow, result: Result, form: Form | None = None) -> Ask:
    """The question about a model, with the form's steps and device where there is a form."""
    checkpoint, own = network_file(result.folder, result.model.name)
    ask = Ask(
        home=str(services().store.home.root),
        file=str(result.file),
        checkpoint="" if checkpoint is None else str(checkpoint),
        on_file=checkpoint is not None and not own,
        data=study.settings.data,
        compute=study.settings.compute,
    )
    if form is None:
        return ask
    return Ask.from_json(
        {**ask.to_json(), "steps": form.document["steps"], "device": form.document["device"]}
    )


@st.cache_data(show_spinner=False, max_entries=100)
def _refusals(ask: Ask) -> dict[str, Msg | None]:
    return {
        name: None if why is None else Msg.from_json(why) for name, why in refusals(ask).items()
    }


def refused(study: StudyRow, result: Result) -> dict[str, Msg | None]:
    """Why each method cannot be applied to a model; ``None`` where it can."""
    with st.spinner(say("compress.looking")):
        return _refusals(ask_of(study, result))


def _expected(ask: Ask) -> tuple[Expected, ...]:
    """What a question gives, with how far it is while it takes; the last answer is kept."""
    kept = st.session_state.get(FOUND)
    if kept is not None and kept[0] == ask:
        return kept[1]  # type: ignore[no-any-return]
    place = st.empty()

    def tick(done: int, total: int) -> None:
        place.progress(done / total, say("compress.asking", done=done + 1, total=total))

    tick(0, len(ask.steps) + 1)
    try:
        found = preflight_aside(ask, tick)
    finally:
        place.empty()
    st.session_state[FOUND] = (ask, found)
    return found


def show(study: StudyRow, form: Form, group: Sequence[Result]) -> None:
    """Name, what it would give, and the button."""
    with st.container(border=True):
        form.edit(st.text_input, "name", say("compress.name"), max_chars=60)
        try:
            chain = Chain.from_json(
                {
                    "name": compress_form.chain_name(form.document),
                    "origin": form.document["origin"],
                    "steps": form.document["steps"],
                }
            )
            has_network = network_file(group[0].folder, group[0].model.name)[1]
            check_chain(chain, has_network=has_network)
        except KDLabError as error:
            show_error(error)
            return
        possible = _preflight(study, form, group[0])
        seconds = _seconds(study, chain, group[0])
        if seconds is not None:
            st.caption(say("compress.seconds", seconds=seconds, n=len(group)))
        if st.button(say("compress.start"), type="primary", width="stretch", disabled=not possible):
            _start(study, chain, form.document["seed"], seconds)


def _preflight(study: StudyRow, form: Form, result: Result) -> bool:
    """Ask for the expectation and show it; ``False`` where a step cannot be done."""
    devices = all_devices(services().store.home.root)
    form.edit(
        st.selectbox,
        "device",
        say("compress.device"),
        options=["", *devices],
        format_func=lambda name: (
            say(device_title(name, devices[name])) if name else say("compress.device.here")
        ),
    )
    try:
        ask = ask_of(study, result, form)
    except KDLabError as error:
        show_error(error)
        return False
    if st.button(say("compress.ask"), icon=":material/flight_takeoff:", width="stretch"):
        st.session_state[ASKED] = ask
    if st.session_state.get(ASKED) != ask:
        return True
    try:
        found = _expected(ask)
    except KDLabError as error:
        show_error(error)
        return True
    _show_expected(found)
    return all(item.problem is None for item in found)


def _show_expected(found: Sequence[Expected]) -> None:
    rows = [
        {
            "step": compress_form.method_name(item.method) if item.method else say("compress.now"),
            "size_mb": None if item.size_bytes is None else item.size_bytes / 1e6,
            "macs_m": None if item.macs is None else item.macs / 1e6,
            "latency_ms": item.latency_ms,
            "band": "–"
            if item.low_ms is None
            else f"{number(item.low_ms, 'ms')} – {number(item.high_ms, 'ms')}",
        }
        for item in found
        if item.problem is None
    ]
    table = pd.DataFrame(rows)
    if found[0].source == "measured":
        table = table.drop(columns="band")
    figures = {
        name: st.column_config.NumberColumn(say(f"column.{name}"), format="%.2f")
        for name in ("size_mb", "macs_m", "latency_ms")
    }
    st.dataframe(
        table,
        hide_index=True,
        column_config={
            "step": say("column.step"),
            "band": say("compress.band"),
            **figures,
        },
    )
    st.caption(say(f"compress.expected.{found[0].source}"))
    for why in dict.fromkeys(say(Msg.from_json(m)) for item in found for m in item.why):
        st.caption(why)
    for item in found:
        if item.problem is not None:
            st.error(
                say(
                    "compress.impossible",
                    method=compress_form.method_name(item.method),
                    why=say(Msg.from_json(item.problem)),
                ),
                icon=":material/block:",
            )


def _seconds(study: StudyRow, chain: Chain, result: Result) -> float | None:
    """Expected seconds of one run of the chain, at the pace of the origin's training."""
    record = services().store.record(result.run.id)
    pace = pace_s(record)
    trains = any(step.tune is not None for step in chain.steps)
    if pace is None and trains:
        return None
    return chain_seconds(chain, pace or 0.0, record.data.counts["train"])


def _start(study: StudyRow, chain: Chain, seed: object, seconds: float | None) -> None:
    store = services().store
    try:
        chosen = None if seed == compress_form.EVERY_SEED else int(str(seed))
        made = plan(store, study.id, [chain], seed=chosen)
        expected = None if seconds is None else {run.key: seconds for run in made.new}
        started = submit(made.study, reuse=True, expected_s=expected, runs=made.runs)
    except KDLabError as error:
        show_error(error)
        return
    st.session_state["study"] = started
    st.query_params["study"] = started
    st.query_params["follow"] = "1"
    st.rerun()
