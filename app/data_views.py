"""What is shown of a data set, stored or not yet: counts, examples, findings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st
from numpy.typing import NDArray

from app.progress import Bar
from app.services import services
from app.texts import number, say
from kd_core.data import cache
from kd_core.data.dataset import Dataset
from kd_core.data.doctor import Finding, SourceFacts, examine
from kd_core.data.draft import Draft

DOCTOR_SIZE = 64
ICONS = {
    "alarm": ":material/dangerous:",
    "warning": ":material/warning:",
    "note": ":material/info:",
    "ok": ":material/check_circle:",
}
Example = tuple[str, str, NDArray[np.uint8]]


def counts(dataset: Dataset) -> None:
    """Images by class and part."""
    table = pd.DataFrame(dataset.counts()).T.fillna(0).astype(int)
    table.index.name = say("data.class")
    table.columns = [say(f"part.{name}") for name in table.columns]
    st.dataframe(table, width="stretch")


def facts(dataset: Dataset) -> None:
    """One line of facts, and where the images come from."""
    sizes = " · ".join(
        f"{say(f'part.{part}')} {number(n, 'int')}" for part, n in dataset.part_sizes.items()
    )
    line = say(
        "data.facts",
        task=say(f"task.{dataset.task}.title"),
        n=len(dataset),
        classes=len(dataset.classes),
        colour=say("data.grey" if dataset.channels == 1 else "data.colour"),
    )
    st.markdown(f"{line} · {sizes}")
    if dataset.synthetic:
        st.info(say("data.synthetic"), icon=":material/science:")
    st.caption(say("data.hash", hash=dataset.hash[:16]))
    for name in ("licence", "citation", "url"):
        text = getattr(dataset.info, name)
        if text:
            st.caption(f"{say(f'data.{name}')}: {text}")


def examples(images: Sequence[Example]) -> None:
    """A grid of examples, class by class."""
    by_class: dict[str, list[Example]] = {}
    for example in images:
        by_class.setdefault(example[1], []).append(example)
    for name, group in by_class.items():
        st.caption(name)
        with st.container(horizontal=True):
            for image_id, _, pixels in group:
                st.image(pixels.squeeze(), width=72, alt=f"{name}: {image_id}")


def summary(draft: Draft) -> None:
    """Sizes, depth and how grey levels are read."""
    about = draft.summary()
    low, middle, high = about["width"]
    st.markdown(
        say(
            "data.summary",
            n=about["images"],
            low=low,
            middle=middle,
            high=high,
            bits=", ".join(str(bits) for bits in about["bits"]),
        )
    )
    if about["windowed"]:
        st.caption(say("data.windowed", n=about["windowed"], low=about["low"], high=about["high"]))
    st.caption(say(f"data.split.{draft.split}"))
    for note in draft.notes:
        st.caption(say(note))
    if draft.unreadable:
        with st.expander(say("data.unreadable", n=len(draft.unreadable))):
            for name, why in list(draft.unreadable.items())[:200]:
                st.caption(f"{name}: {say(why)}")


def uncertain(draft: Draft) -> None:
    """Uncertain labels, and the positives that each policy would give."""
    if not draft.uncertain:
        return
    rows = [
        {
            say("data.label"): count.label,
            "1": count.positive,
            "0": count.negative,
            "−1": count.uncertain,
            say("data.blank"): count.blank,
            **{
                say("data.policy", policy=policy): count.under(policy)["positive"]
                for policy in ("ones", "zeros", "ignore")
            },
        }
        for count in draft.uncertain
    ]
    st.markdown(f"**{say('data.uncertain')}**")
    st.caption(say("data.uncertain.about"))
    st.dataframe(pd.DataFrame(rows), hide_index=True, width="stretch")


def findings(dataset: Dataset, unreadable: dict[str, str] | None = None) -> None:
    """The data doctor's findings, computed once a data set."""
    kept = st.session_state.setdefault("findings", {})
    if dataset.hash not in kept:
        facts_of_files = SourceFacts(unreadable or {}, len(dataset) + len(unreadable or {}))
        with Bar(say("data.reading")) as bar:
            data = cache.load(dataset, DOCTOR_SIZE, services().store.home.cache, progress=bar)
        with Bar(say("data.doctor.wait")) as bar:
            kept[dataset.hash] = examine(data, facts_of_files, progress=bar)
    show_findings(kept[dataset.hash])


def show_findings(found: Sequence[Finding]) -> None:
    """Findings, worst first; what is in order stands in one line below."""
    bad = [finding for finding in found if finding.severity != "ok"]
    for finding in bad:
        with st.container(border=True):
            st.markdown(f"{ICONS[finding.severity]} **{say(finding.msg)}**")
            st.caption(say(finding.consequence))
    fine = [finding for finding in found if finding.severity == "ok"]
    if fine:
        with st.expander(say("data.doctor.fine", n=len(fine))):
            for finding in fine:
                st.caption(f"{ICONS['ok']} {say(finding.msg)}")
