"""The study that lessons are computed from: opened once for all visitors."""

from __future__ import annotations

import streamlit as st

from app.services import services
from app.texts import say
from kd_core.lessons.material import Material
from kd_core.lessons.open import can_open, open_material, sample_id

STUDIES_S = 5
"""So long a list of the studies is good for."""


@st.cache_resource(show_spinner=False, max_entries=6)
def _opened(study_id: str | None, runs: tuple[str, ...]) -> Material:
    return open_material(services().store, study_id)


def material_of(study_id: str | None = None) -> Material:
    """A study for lessons, as its finished runs are now; the embedded one where none is named.

    Raises:
        KDLabError: As :func:`kd_core.lessons.open.open_material`.
    """
    chosen = study_id or sample_id()
    runs = services().store.runs(study=chosen, status=("finished",))
    with st.spinner(say("learn.opening")):
        return _opened(study_id, tuple(sorted(run.id for run in runs)))


@st.cache_data(show_spinner=False, ttl=STUDIES_S)
def studies() -> dict[str, str]:
    """Names of the studies that lessons can show, by id; the embedded one first."""
    store = services().store
    found = {study.id: study.name for study in store.studies() if can_open(store, study)}
    first = {sample_id(): found[sample_id()]} if sample_id() in found else {}
    return first | found
