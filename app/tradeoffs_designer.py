"""Student designer on the page: which networks fit the device and the limits, before training."""

from __future__ import annotations

import json
import subprocess
import threading
from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from app import address
from app import tradeoffs_data as data
from app.services import services
from app.texts import say
from app.tradeoffs_choice import Choice
from app.visitor import allowed
from kd_core.latency.own_evidence import load_evidence
from kd_core.study.budget import Budget
from kd_core.study.costs import THIS_MACHINE, cost_of
from kd_core.study.designer import SIZES, Request, designs, ready, start

SHOWN = 60


@dataclass
class Job:
    """A process that fills the cache, and how far it is."""

    process: subprocess.Popen[str]
    done: int = 0
    total: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def listen(self) -> None:
        """Read the progress until the process ends; runs in a thread of its own."""
        assert self.process.stdout is not None
        with self.process:  # waits for it, and closes its output
            for line in self.process.stdout:
                found = json.loads(line)
                with self.lock:
                    self.done, self.total = found["done"], found["total"]

    @property
    def active(self) -> bool:
        """Whether it still works."""
        return self.process.poll() is None


@st.cache_resource(show_spinner=False)
def _jobs() -> dict[str, Job]:
    return {}


def _start(key: str, request: Request) -> None:
    """One process at a time for all visitors."""
    allowed("start")
    jobs = _jobs()
    if any(job.active for job in jobs.values()):
        return
    job = Job(start(request))
    threading.Thread(target=job.listen, daemon=True).start()
    jobs[key] = job


def show(choice: Choice) -> None:
    """Sizes, then the networks that fit, the largest first."""
    if choice.place.device == THIS_MACHINE and THIS_MACHINE not in data.devices():
        st.info(say("designer.choose"))
        return
    request = _request(choice)
    if not request.sizes:
        st.info(say("designer.no_size"))
        return
    if not ready(request):
        _wait(json.dumps(request.to_json()), request)
        return
    _table(choice, request)


def _request(choice: Choice) -> Request:
    frame = data.models(choice.studies, choice.at)
    facts = services().store.record(str(frame["run"].iloc[0])).data
    near = min(SIZES, key=lambda size: abs(size - facts.size))
    sizes = address.several(
        st, say("designer.sizes"), SIZES, "designer-sizes", usual=[near],
        help=say("designer.sizes.help"),
    )  # fmt: skip
    return Request(
        home=str(services().store.home.root),
        channels=facts.channels,
        outputs=len(facts.classes),
        sizes=tuple(sorted(sizes)),
    )


def _wait(key: str, request: Request) -> None:
    """Start the work when asked, and show how far it is."""
    job = _jobs().get(key)
    if job is None or not job.active:
        if any(other.active for other in _jobs().values()):
            st.info(say("designer.busy"))
        elif st.button(say("designer.start"), icon=":material/straighten:"):
            _start(key, request)
            st.rerun(scope="fragment")
        st.caption(say("designer.start.about"))
        return
    _progress(key)


@st.fragment(run_every="1s")
def _progress(key: str) -> None:
    job = _jobs()[key]
    with job.lock:
        done, total = job.done, job.total
    share = done / total if total else 0.0
    st.progress(share, say("designer.progress", done=done, n=total))
    if not job.active:
        st.rerun()


def _table(choice: Choice, request: Request) -> None:
    table = _costed(request, choice.place, choice.at)
    limits = {name: v for name, v in choice.budget.most.items() if name in table}
    budget = Budget(limits, {}, choice.budget.careful, choice.budget.must_fit)
    fits = table[budget.within(table)].sort_values("macs", ascending=False)
    st.markdown(say("designer.found", n=len(fits), of=len(table)))
    st.caption(say("designer.about"))
    shown = pd.DataFrame(
        {
            "network": fits["title"],
            "side": fits["side"],
            "params": fits["params"] / 1e6,
            "size": fits["size_bytes"] / 1e6,
            "latency": fits["latency_ms"],
            "band_low": fits["low_ms"],
            "band_high": fits["high_ms"],
            "tier": fits["tier"],
            "ram": fits["ram_bytes"] / 1e6,
            "macs": fits["macs"] / 1e6,
        }
    )
    st.dataframe(
        shown.head(SHOWN),
        hide_index=True,
        width="stretch",
        column_config={
            name: st.column_config.Column(say(f"tradeoffs.column.{name}"))
            if name in ("network", "side", "tier")
            else st.column_config.NumberColumn(say(f"tradeoffs.column.{name}"), format="%.3g")
            for name in shown.columns
        },
    )
    if len(shown) > SHOWN:
        st.caption(say("tradeoffs.left_out", n=len(shown) - SHOWN, shown=SHOWN))


@st.cache_resource(show_spinner=False, max_entries=24)
def _costed(request: Request, place: data.Place, at: data.Version) -> pd.DataFrame:
    device = data.devices()[place.device]
    points = load_evidence(services().store.home.root, place.device)
    rows = []
    for design in designs(request):
        cost = cost_of(design.work, place.target, device, evidence=points)
        rows.append(
            {
                "title": design.title,
                "side": design.size,
                "params": design.params,
                "size_bytes": design.file_bytes,
                "macs": design.work.macs,
                "latency_ms": cost.latency_ms,
                "low_ms": cost.low_ms,
                "high_ms": cost.high_ms,
                "tier": cost.tier,
                "ram_bytes": cost.ram_bytes,
                "fits": cost.fits,
                "energy_mj": (cost.energy_low_mj + cost.energy_high_mj) / 2,
                "energy_high_mj": cost.energy_high_mj,
            }
        )
    return pd.DataFrame(rows)
