"""Which device, and what it is: data sheet, runtimes, how sure the estimates are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import streamlit as st

from app.devices_figures import figures
from app.services import services
from app.services_devices import may_teach
from app.texts import catalogue, say
from kd_core.errors import ExportError
from kd_core.latency.devices import (
    DEVICE_KINDS,
    DEVICES,
    DeviceSpec,
    RuntimeChoice,
    all_devices,
    device_title,
)
from kd_core.latency.estimate import Evidence, Target, estimate
from kd_core.latency.own_devices import THIS_MACHINE
from kd_core.latency.own_evidence import load_evidence
from kd_core.latency.work import Op, Work

ANY = "any"
USUAL = Work(
    ops=(
        Op("stem", "stem", 10_838_016, 864, 150_528, 401_408),
        *(Op(f"depthwise{n}", "depthwise", 3_612_672, 2_304, 401_408, 401_408) for n in range(12)),
        *(Op(f"point{n}", "conv1x1", 22_000_000, 30_000, 150_000, 150_000) for n in range(12)),
        Op("linear", "linear", 1_280_000, 1_280_000, 1_280, 1_000),
    ),
    image=(3, 224, 224),
)
"""A network of the usual kind and size, to ask how sure an estimate would be."""


@dataclass(frozen=True)
class Chosen:
    """The device at hand.

    Attributes:
        name: Its name.
        spec: What it is.
        title: What it is called on the screen.
    """

    name: str
    spec: DeviceSpec
    title: str

    @property
    def own(self) -> bool:
        """Whether it is a device of somebody's own."""
        return self.name not in DEVICES

    @property
    def may_teach(self) -> bool:
        """Whether this visitor may change what the estimates for it learn from."""
        return may_teach(self.name)


def root() -> Path:
    """The home."""
    return services().store.home.root


def choose() -> Chosen:
    """Kind first, then the device; the device stands in the address."""
    known = all_devices(root())
    asked = st.query_params.get("device")
    left, right = st.columns([2, 3])
    kinds = [ANY, *(kind for kind in DEVICE_KINDS if any(d.kind == kind for d in known.values()))]
    kind = left.selectbox(
        say("devices.kind"),
        kinds,
        format_func=lambda name: say(f"devices.kind.{name}"),
        key="devices-kind",
    )
    names = [name for name, spec in known.items() if kind in (ANY, spec.kind)]
    names.sort(key=lambda name: name in DEVICES)  # one's own first
    if asked in names and st.session_state.get("devices-device") not in names:
        st.session_state["devices-device"] = asked
    if st.session_state.get("devices-device") not in names:
        default = "raspberry_pi_4" if "raspberry_pi_4" in names else names[0]
        st.session_state["devices-device"] = default
    name: str = right.selectbox(
        say("devices.device"),
        names,
        format_func=lambda each: title_of(each, known[each]),
        key="devices-device",
    )
    st.query_params["device"] = name
    return Chosen(name, known[name], title_of(name, known[name]))


def title_of(name: str, spec: DeviceSpec) -> str:
    """A device's name on the screen."""
    title = say(device_title(name, spec))
    return say("devices.here", title=title) if name == THIS_MACHINE else title


def card(chosen: Chosen) -> None:
    """The data sheet and the runtimes."""
    spec = chosen.spec
    about = spec.about or (say(f"device.{chosen.name}.about") if not chosen.own else "")
    st.markdown(about or say("devices.own.about"))
    facts = [("processor", spec.processor)]
    if spec.cores:
        facts.append(("cores", say("devices.cores", n=spec.cores, ghz=spec.ghz or None)))
    if spec.ram_bytes:
        facts.append(("ram", say("devices.megabytes", mb=spec.ram_bytes / 1e6)))
    if spec.flash_bytes:
        facts.append(("flash", say("devices.megabytes", mb=spec.flash_bytes / 1e6)))
    if spec.power:
        low, high = spec.power.typical_w, spec.power.load_w
        facts.append(("power", say("devices.watts", low=low, high=high)))
    st.markdown("  \n".join(f"**{say(f'devices.fact.{name}')}**: {text}" for name, text in facts))
    _runtimes(chosen)
    figures(chosen.name, spec)


def _runtimes(chosen: Chosen) -> None:
    """One row a runtime: threads, formats, and how sure an estimate is."""
    evidence = load_evidence(root(), chosen.name)
    rows = [
        {
            say("devices.column.runtime"): say(f"runtime.{choice.name}"),
            **_sureness(chosen, choice, evidence),
            say("devices.column.threads"): ", ".join(str(n) for n in choice.threads if n) or "–",
            say("devices.column.formats"): ", ".join(
                say(f"precision.{name}") for name in choice.precisions
            ),
        }
        for choice in chosen.spec.runtimes
    ]
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")
    st.caption(say("devices.tiers"))


def _sureness(
    chosen: Chosen, choice: RuntimeChoice, evidence: tuple[Evidence, ...]
) -> dict[str, str]:
    """Tier, networks and band of an estimate for a usual network."""
    names = ("tier", "networks", "band")
    try:
        found = estimate(
            USUAL,
            Target(chosen.name, choice.name, choice.threads[0], choice.precisions[0]),
            evidence,
            {chosen.name: chosen.spec},
        )
    except ExportError:
        return {say(f"devices.column.{name}"): "–" for name in names}
    shares = (found.low_ms / found.latency_ms - 1, found.high_ms / found.latency_ms - 1)
    band = " … ".join(f"{catalogue().number(100 * share, 'int')} %" for share in shares)
    values = (found.tier, str(found.n_networks) if found.n_networks else "–", band)
    return {say(f"devices.column.{n}"): value for n, value in zip(names, values, strict=True)}
