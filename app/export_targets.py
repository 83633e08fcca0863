"""A model's file for a certain runtime: checked first, one sentence for each refusal."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from app.texts import entry_about, entry_title, say
from kd_core.export.targets import EXPORT_TARGETS, export_for, refusals
from kd_core.study.results import Result
from kd_core.text import Msg


def offer(result: Result) -> None:
    """Choose a target; what it does not take is said, else there is a file."""
    with st.expander(say("export.targets"), icon=":material/memory:"):
        target: str = st.selectbox(
            say("export.target"),
            EXPORT_TARGETS.names(),
            format_func=lambda name: entry_title(EXPORT_TARGETS, name),
            key=f"target-{result.run.id}-{result.model.name}",
        )
        st.caption(entry_about(EXPORT_TARGETS, target))
        refused = _refusals(str(result.file), result.model.sha256, target)
        for why in refused:
            st.warning(say(why), icon=":material/block:")
        if not refused:
            st.download_button(
                say("export.target.file"),
                lambda: _file(result.file, target),
                f"{result.label.replace('/', '-')}-{target}.onnx",
                "application/octet-stream",
                icon=":material/download:",
                key=f"target-file-{result.run.id}-{result.model.name}",
            )


@st.cache_data(show_spinner=False, max_entries=200)
def _refusals(file: str, sha256: str, target: str) -> tuple[Msg, ...]:
    return refusals(Path(file), target)


def _file(source: Path, target: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return export_for(source, target, Path(folder) / "model.onnx").read_bytes()
