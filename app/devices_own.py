"""A form for a device of one's own: new, or a change of one that this visitor made."""

from __future__ import annotations

import dataclasses
from typing import Any, get_args

import streamlit as st

from app.devices_choose import Chosen, root
from app.services_devices import remove_own_device, save_own_device
from app.texts import say, show_error
from app.visitor import may_change
from kd_core.errors import KDLabError
from kd_core.latency.devices import DEVICE_KINDS, DeviceSpec, Power, RuntimeChoice
from kd_core.latency.devices_spec import Core
from kd_core.latency.own_devices import (
    THIS_MACHINE,
    device_name,
    own_devices,
    owner_of,
)
from kd_core.latency.records import RUNTIMES

CORES = get_args(Core)
MB, KB, GB = 10**6, 10**3, 10**9


def show(chosen: Chosen) -> None:
    """The list of one's own, then the form."""
    _list()
    mine = chosen.own and may_change(owner_of(root(), chosen.name))
    choices = ["new", *(["change"] if mine and chosen.name != THIS_MACHINE else [])]
    what = st.segmented_control(
        say("devices.own.what"),
        choices,
        default="new",
        required=True,
        format_func=lambda name: say(f"devices.own.{name}", device=chosen.title),
        label_visibility="collapsed",
        key=f"devices-own-{chosen.name}",
    )
    _form(chosen, change=what == "change")


def _list() -> None:
    """Own devices, each with a button to delete it."""
    own = own_devices(root())
    if not own:
        st.caption(say("devices.own.none"))
    for name, spec in own.items():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"**{spec.title or name}** · {spec.processor} · `{name}`")
            if may_change(owner_of(root(), name)):
                with st.popover(say("devices.own.delete"), icon=":material/delete:"):
                    st.write(say("devices.own.delete.sure", name=spec.title or name))
                    if st.button(say("devices.own.delete.yes"), key=f"devices-delete-{name}"):
                        _delete(name)


def _delete(name: str) -> None:
    try:
        remove_own_device(name)
    except KDLabError as error:
        show_error(error)
        return
    st.session_state.pop("devices-device", None)
    st.query_params.pop("device", None)
    st.rerun()


def _form(chosen: Chosen, *, change: bool) -> None:
    """All fields; what is not known stays 0 and is left out."""
    spec, key = chosen.spec, f"{'change' if change else 'new'}-{chosen.name}"
    if not change:
        st.caption(say("devices.own.from", device=chosen.title))
    with st.form(f"devices-form-{key}", border=True):
        title = st.text_input(
            say("devices.form.title"), spec.title if change else "", key=f"title-{key}"
        )
        values: dict[str, Any] = {"about": spec.about if change else ""}
        values |= _what(spec, key) | _numbers(spec, key)
        runtimes = st.multiselect(
            say("devices.form.runtimes"),
            RUNTIMES,
            default=[choice.name for choice in spec.runtimes],
            format_func=lambda name: say(f"runtime.{name}"),
            help=say("devices.form.runtimes.help"),
            key=f"runtimes-{key}",
        )
        values["power"] = _power(spec if change else None, key)
        values["source"] = st.text_input(
            say("devices.form.source"),
            spec.source if change else "",
            help=say("devices.form.source.help"),
            key=f"source-{key}",
        )
        sent = st.form_submit_button(say(f"devices.form.{'save' if change else 'add'}"))
    if sent:
        values |= {"title": title.strip(), "runtimes": _choices(spec, runtimes)}
        _save(chosen.name if change else "", dataclasses.replace(spec, **values))


def _what(spec: DeviceSpec, key: str) -> dict[str, Any]:
    left, middle, right = st.columns([2, 3, 2])
    return {
        "kind": left.selectbox(
            say("devices.kind"),
            DEVICE_KINDS,
            index=DEVICE_KINDS.index(spec.kind),
            format_func=lambda name: say(f"devices.kind.{name}"),
            key=f"kind-{key}",
        ),
        "processor": middle.text_input(
            say("devices.fact.processor"), spec.processor, key=f"processor-{key}"
        ),
        "core": right.selectbox(
            say("devices.form.core"),
            CORES,
            index=CORES.index(spec.core),
            format_func=lambda name: say(f"devices.core.{name}"),
            help=say("devices.form.core.help"),
            key=f"core-{key}",
        ),
    }


def _numbers(spec: DeviceSpec, key: str) -> dict[str, Any]:
    """Figures of the data sheet, in the units that data sheets use."""
    units: dict[str, tuple[float, Any]] = {
        "cores": (1, int), "ghz": (1, float), "flops_per_cycle": (1, float),
        "memory_gbs": (1, float), "gpu_gflops": (1, float), "npu_tops": (1, float),
        "ram_bytes": (MB, float), "flash_bytes": (MB, float),
    }  # fmt: skip
    found: dict[str, Any] = {}
    columns = st.columns(4)
    for place, (name, (unit, kind)) in enumerate(units.items()):
        value = columns[place % 4].number_input(
            say(f"devices.form.{name}"),
            min_value=kind(0),
            value=kind(getattr(spec, name) / unit),
            help=say(f"devices.form.{name}.help"),
            key=f"{name}-{key}",
        )
        found[name] = round(value * unit) if unit != 1 else value
    return found


def _power(spec: DeviceSpec | None, key: str) -> Power | None:
    had = spec.power if spec and spec.power else Power(0.0, 0.0, "")
    left, middle, right = st.columns([1, 1, 2])
    low = left.number_input(
        say("devices.form.typical_w"), min_value=0.0, value=had.typical_w, key=f"typical-{key}"
    )
    high = middle.number_input(
        say("devices.form.load_w"), min_value=0.0, value=had.load_w, key=f"load-{key}"
    )
    source = right.text_input(say("devices.form.power_source"), had.source, key=f"watts-{key}")
    return Power(low, high, source.strip()) if low or high else None


def _choices(spec: DeviceSpec, names: list[str]) -> tuple[RuntimeChoice, ...]:
    """Runtimes in the chosen order; those of the device that one started from keep their rest."""
    return tuple(
        spec.runtime(name) or RuntimeChoice(name, (4, 1), ("fp32", "int8"), "cpu") for name in names
    )


def _save(name: str, spec: DeviceSpec) -> None:
    try:
        found = name or device_name(spec.title)
        if not name and found in own_devices(root()):
            st.error(say("devices.own.exists", name=found), icon=":material/error:")
            return
        save_own_device(found, spec)
    except KDLabError as error:
        show_error(error)
        return
    st.session_state.pop("devices-device", None)
    st.session_state.pop("devices-kind", None)
    st.query_params["device"] = found
    st.rerun()
