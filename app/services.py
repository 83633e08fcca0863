"""What all visitors share: one home, one store, one runner, one data library."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from app import warm
from app.visitor import visitor
from kd_core.config import RunSettings, StudySettings
from kd_core.data.library import Library
from kd_core.jobs import Jobs, connect
from kd_core.study.store import Store

ROOT = Path(__file__).parent.parent
SAMPLE_STUDY = ROOT / "sample_data" / "study"


@dataclass(frozen=True)
class Services:
    """The engine's objects behind the pages.

    Attributes:
        jobs: The runner, or a client of the one that another server already runs.
        library: Data sets.
    """

    jobs: Jobs
    library: Library

    @property
    def store(self) -> Store:
        """Records of studies and runs."""
        return self.jobs.store


@st.cache_resource(show_spinner=False)
def services() -> Services:
    """The one set of services of this server; the embedded study is collected at the start."""
    jobs = connect()
    if SAMPLE_STUDY.is_dir():
        jobs.collect(SAMPLE_STUDY)
    warm.begin()
    return Services(jobs, Library(jobs.store.home.root))


def data_root() -> Path | None:
    """The folder on the server below which large sets may be read (``KDLAB_DATA_ROOT``)."""
    root = os.environ.get("KDLAB_DATA_ROOT", "")
    return Path(root).resolve() if root else None


def submit(
    study: StudySettings,
    *,
    reuse: bool,
    expected_s: Mapping[str, float] | None = None,
    runs: Sequence[RunSettings] | None = None,
) -> str:
    """Queue a study of this visitor, tied to its data by hash; the study's id.

    ``runs`` is its graph where that is not the whole of its settings; it must be tied already.
    """
    dataset = services().library.get(study.data.dataset)
    tied = study.change(data=study.data.change(data_hash=dataset.hash))
    return services().jobs.submit(
        tied, owner=visitor(), runs=runs, reuse=reuse, expected_s=expected_s
    )
