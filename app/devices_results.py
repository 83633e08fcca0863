"""Results on their way in, what was measured on a device, and what it did to the estimates."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from app.devices_choose import Chosen, root
from app.services_devices import take_results
from app.texts import number, say, show_error
from kd_core.errors import ExportError, KDLabError
from kd_core.latency.devices import all_devices
from kd_core.latency.estimate import Evidence, Target, estimate
from kd_core.latency.own_evidence import EvidenceRow, newest, read_evidence, trust
from kd_core.latency.work import Work

if TYPE_CHECKING:  # torch and onnxruntime take seconds
    from kd_core.study.devices import TakenIn

LARGEST_MB = 20


def upload() -> None:
    """Take result files, each as a whole or not at all."""
    st.markdown(say("devices.upload.about"))
    files = st.file_uploader(
        say("devices.upload"),
        type=["json"],
        accept_multiple_files=True,
        max_upload_size=LARGEST_MB,
        key=f"devices-upload-{st.session_state.get('devices-uploads', 0)}",
    )
    if files and st.button(say("devices.upload.add"), type="primary", key="devices-add"):
        said: list[tuple[str, TakenIn | None, KDLabError | None]] = []
        for file in files:
            try:
                taken = take_results(file.getvalue())
                said.append((file.name, taken, None))
            except KDLabError as error:
                said.append((file.name, None, error))
        st.session_state["devices-said"] = said
        st.session_state["devices-uploads"] = st.session_state.get("devices-uploads", 0) + 1
        st.rerun()
    for name, done, problem in st.session_state.pop("devices-said", []):
        if problem is not None:
            st.markdown(f"**{name}**")
            show_error(problem)
            continue
        n, evidence = len(done.measurements), done.evidence
        text = say("devices.upload.done", name=name, n=n, evidence=evidence)
        st.success(text, icon=":material/check_circle:")


def known(chosen: Chosen) -> None:
    """Error before and after, then every figure beside its estimate."""
    rows = newest(read_evidence(root(), chosen.name))
    if not rows:
        st.info(say("devices.nothing_measured", device=chosen.title))
        return
    errors(chosen)
    _figures(chosen, rows)


def errors(chosen: Chosen) -> None:
    """Error of the estimates before and after what was measured; nothing where nothing was."""
    found = trust(root(), chosen.name)
    if not found:
        return
    table = [
        {
            say("devices.column.before"): number(one.before, "percent"),
            say("devices.column.after"): number(one.after, "percent"),
            say("devices.column.networks"): one.networks,
            say("devices.column.runtime"): say(f"runtime.{one.runtime}"),
            say("devices.column.threads"): one.threads,
            say("devices.column.format"): say(f"precision.{one.precision}"),
        }
        for one in found
    ]
    st.markdown(f"**{say('devices.trust')}**")
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    st.caption(say("devices.trust.about"))


def _figures(chosen: Chosen, rows: list[EvidenceRow]) -> None:
    devices = all_devices(root())
    all_known = [(row, row.evidence()) for row in rows]
    table = []
    for row in sorted(rows, key=lambda each: -each.measured_at):
        others = [one for other, one in all_known if other.model_sha256 != row.model_sha256]
        target = Target(row.device, row.runtime, row.threads, row.precision)
        work = Work.from_json(row.work)
        guess = _guess(work, target, others, devices)
        table.append(
            {
                say("devices.column.network"): row.name,
                say("devices.column.measured"): number(row.latency_ms, "ms"),
                say("devices.column.estimated"): guess,
                say("devices.column.runtime"): say(f"runtime.{row.runtime}"),
                say("devices.column.threads"): row.threads,
                say("devices.column.format"): say(f"precision.{row.precision}"),
                say("devices.column.when"): datetime.fromtimestamp(row.measured_at).strftime(
                    "%Y-%m-%d %H:%M"
                ),
            }
        )
    st.markdown(f"**{say('devices.figures')}**")
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    st.caption(say("devices.figures.about"))


def _guess(work: Work, target: Target, others: list[Evidence], devices: object) -> str:
    try:
        found = estimate(work, target, others, devices)  # type: ignore[arg-type]
    except ExportError:
        return "–"
    return say(
        "devices.estimated",
        ms=found.latency_ms,
        low=found.low_ms,
        high=found.high_ms,
        tier=found.tier,
    )
