"""Real example images, on request only: from their public source, with licence and citation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.demo_pictures import Picture, of_content
from app.progress import Bar
from app.services import public_set
from app.texts import entry_about, entry_title, say, show_error
from app.visitor import may
from kd_core.data.public import PUBLIC_SETS, PublicSet
from kd_core.data.uploads import load_npz, read_zip
from kd_core.errors import KDLabError

Content = bytes | NDArray[np.uint8]

EACH, MOST = 2, 8
"""Example images of one class, and in all."""


def offer() -> None:
    """Choose a public set, read its terms, fetch a few of its images."""
    if not may("fetch"):
        return
    with st.popover(say("demo.public"), icon=":material/public:"):
        st.caption(say("demo.public.about"))
        name: str = st.selectbox(
            say("data.public"),
            PUBLIC_SETS.names(),
            format_func=lambda key: entry_title(PUBLIC_SETS, key),
            key="demo-public",
        )
        entry = PUBLIC_SETS[name]
        st.caption(entry_about(PUBLIC_SETS, name))
        st.caption(f"{say('data.licence')}: {entry.licence} · {entry.citation}")
        size = say("demo.public.size", size=entry.size_bytes) if entry.size_bytes else ""
        if st.button(say("data.public.fetch"), icon=":material/download:", help=size or None):
            try:
                st.session_state["demo-kept-public"] = _fetch(name, entry)
                st.rerun()
            except KDLabError as error:
                show_error(error)


def _fetch(name: str, entry: PublicSet) -> dict[str, Picture]:
    with Bar(say("stage.download")) as bar:
        path = public_set(name, bar)
    of_kind = _of_zip if path.suffix == ".zip" else _of_npz
    examples: list[tuple[str, Content]] = of_kind(path, entry)
    source = entry_title(PUBLIC_SETS, name)
    return {
        f"{name}-{i}": of_content(content, f"{source}, {label}", label)
        for i, (label, content) in enumerate(examples[:MOST])
    }


def _of_npz(path: Path, entry: PublicSet) -> list[tuple[str, Content]]:
    """A few images of the test part of a MedMNIST file, evenly spread over each class."""
    arrays = load_npz(path)
    images, labels = arrays["test_images"], arrays["test_labels"]
    found: list[tuple[str, Content]] = []
    for k, label in enumerate(entry.classes):
        hits = np.flatnonzero(labels[:, k] == 1 if labels.shape[1] > 1 else labels[:, 0] == k)
        picks = np.linspace(0, len(hits) - 1, min(EACH, len(hits))).round().astype(int)
        for row in hits[picks]:
            image = images[row]
            found.append((label, image if image.ndim == 3 else image[..., None]))
    return found


def _of_zip(path: Path, entry: PublicSet) -> list[tuple[str, Content]]:
    """The first images of each class folder; nothing is unpacked."""
    counts = dict.fromkeys(entry.classes, 0)
    found: list[tuple[str, Content]] = []
    for member, _, content in read_zip(path):
        label = next((part for part in member.parts[:-1] if part in counts), None)
        if label is not None and counts[label] < EACH:
            counts[label] += 1
            found.append((label, content))
        if min(counts.values()) >= EACH:
            break
    return found
