"""The data sheet of a device, figure by figure, with where each one is from."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from app.texts import number, say
from kd_core.latency.devices import DeviceSpec
from kd_core.latency.provenance import Origin, origins


def figures(name: str, device: DeviceSpec) -> None:
    """A closed box with one row a figure."""
    found = origins(name, device)
    if not found:
        return
    assumed = sum(origin.kind == "assumption" for origin in found.values())
    with st.expander(
        say("devices.sheet", n=len(found), assumed=assumed), icon=":material/fact_check:"
    ):
        rows = [
            {
                say("devices.figures.what"): say(f"devices.figure.{figure}"),
                say("devices.figures.value"): _value(device, figure),
                say("devices.figures.known"): say(f"provenance.kind.{origin.kind}"),
                say("devices.figures.from"): _from(origin),
            }
            for figure, origin in found.items()
        ]
        st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def _value(device: DeviceSpec, figure: str) -> str:
    if figure == "power" and device.power is not None:
        return say("devices.watts", low=device.power.typical_w, high=device.power.load_w)
    value = getattr(device, figure)
    return number(value, "bytes" if figure.endswith("_bytes") else "number")


def _from(origin: Origin) -> str:
    reason = say(f"provenance.{origin.reason}") if origin.reason else ""
    return " · ".join(text for text in (origin.source, reason) if text) or "–"
