"""Where a study's settings start: the default, recipes by name, teachers that are ready."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from app.form import Form
from app.services import ROOT, services
from app.texts import number, say
from kd_core.config import (
    ComputeSettings,
    DataSettings,
    ModelSettings,
    StudySettings,
    TeacherSettings,
    TrainSettings,
)
from kd_core.data.dataset import Dataset
from kd_core.errors import ConfigError, KDLabError
from kd_core.losses.combine import objective
from kd_core.models import get_spec
from kd_core.study.externals import check_externals
from kd_core.study.graph import expand
from kd_core.study.methods import refusal
from kd_core.train.modes import check_mode

EMBEDDED = StudySettings.from_json(
    (ROOT / "sample_data" / "study.json").read_text(encoding="utf-8")
)
"""The settings of the study that ``sample_data`` ships, finished."""

SAMPLE = EMBEDDED.change(name="Blood smears", seeds=(0,), compute=ComputeSettings())
OWN_IMAGES = SAMPLE.change(
    name="My images",
    data=DataSettings(dataset="sample", size=64),
    teacher=TeacherSettings(model=ModelSettings(name="resnet18"), train=TrainSettings(epochs=20)),
    student=ModelSettings(name="mobilenet_v3_small"),
    train=TrainSettings(epochs=20),
)
PRESETS: dict[str, StudySettings] = {
    "quick": SAMPLE,
    "own": OWN_IMAGES,
    "careful": OWN_IMAGES.change(name="Three seeds", seeds=(0, 1, 2)),
}


def default_study() -> StudySettings:
    """What a newcomer sees first: the embedded sample, taught by the embedded teacher.

    Without that teacher (its runs were deleted) a new one is trained, which takes longer.
    """
    teacher = embedded_teacher()
    return SAMPLE.change(teacher=SAMPLE.teacher.change(run=teacher)) if teacher else SAMPLE


def embedded_teacher() -> str:
    """Run id of the shipped teacher, empty where it is not in the store."""
    data_hash = services().library.get(SAMPLE.data.dataset).hash
    return next(iter(finished_teachers(data_hash)), "")


def choose(form_name: str) -> None:
    """Buttons that fill the form; the data set that was chosen stays."""
    with st.container(horizontal=True):
        for name, study in PRESETS.items():
            st.button(
                say(f"preset.{name}"),
                help=say(f"preset.{name}.help"),
                key=f"preset-{name}",
                on_click=_fill,
                args=(form_name, study),
            )


def _fill(form_name: str, study: StudySettings) -> None:
    document = (default_study() if study == SAMPLE else study).to_json()
    chosen = st.session_state.get(f"{form_name}:data.dataset")
    if chosen:
        document["data"]["dataset"] = chosen
    Form.load(form_name, document)


def finished_teachers(data_hash: str) -> dict[str, str]:
    """Finished teachers and imported models on the same data: run id to a line of text."""
    teachers = {}
    for run in services().store.runs(status=["finished"]):
        if run.role not in ("teacher", "imported"):
            continue
        learnt_from, score = _finished(run.id)
        if learnt_from == data_hash:
            teachers[run.id] = say(
                "distil.teacher.ready",
                model=run.model,
                key=run.key,
                score=number(score, "score"),
            )
    return teachers


@st.cache_data(show_spinner=False, max_entries=10_000)
def _finished(run_id: str) -> tuple[str, float | None]:
    """Data hash and balanced accuracy of a finished run, whose record never changes."""
    record = services().store.record(run_id)
    score = record.models[0].scores.get("balanced_accuracy")
    return record.data.hash, score.value if score else None


def check(study: StudySettings, task: str) -> None:
    """Raise the first problem that would stop a run, before it is queued."""
    for model in (study.student, study.teacher.model):
        get_spec(model.name)
    for arm in study.arms:
        if check_mode(arm.distil, task).losses:
            objective(arm.distil, task)
            for term in arm.distil.losses:
                if refusal(arm.distil.mode, term.name) == "no_teacher":
                    raise ConfigError("loss_needs_teacher", loss=term.name, mode=arm.distil.mode)
    check_externals(services().library, study.data)
    expand(study)


def check_pasted(study: StudySettings) -> None:
    """Raise what would keep the form from showing a configuration as it is."""
    dataset = services().library.get(study.data.dataset)
    if study.teacher.run:
        services().store.run(study.teacher.run)
    if not study.arms:
        raise ConfigError("form_needs_loss")
    check(study, dataset.task)


def tied(study: StudySettings) -> StudySettings:
    """The study with the content hash of its data set."""
    dataset: Dataset = services().library.get(study.data.dataset)
    return study.change(data=study.data.change(data_hash=dataset.hash))


def tied_document(document: dict[str, Any]) -> dict[str, Any]:
    """A form's document with the content hash of its data set, as ``kd-lab run`` takes it."""
    try:
        return tied(StudySettings.from_json(document)).to_json()
    except KDLabError:
        return document


def as_text(document: dict[str, Any]) -> str:
    """JSON for reading and copying."""
    return json.dumps(document, indent=2)
