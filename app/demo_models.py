"""The models that the demo compares: files run by onnxruntime, shared by all visitors, in turn."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st

from app import services as shared
from app.services import services
from app.texts import catalogue, say
from kd_core.errors import StoreError
from kd_core.evaluate.temperature import METHOD, fit_temperature
from kd_core.export import FileContract, OnnxModel
from kd_core.models import TaskModel, load_checkpoint
from kd_core.study.model_files import network_file
from kd_core.study.records import MODEL
from kd_core.study.results import Result, predictions, results

MOST_STUDENTS = 3
MOMENT_S = 0.001
SESSIONS, NETWORKS = 24, 8
"""Models kept ready for all visitors together; the one not used for longest goes first."""


@dataclass(frozen=True)
class Contender:
    """One model that can be shown.

    Attributes:
        key: Its run's key, with the model's name where a run made several.
        result: The model in its study.
    """

    key: str
    result: Result

    @property
    def file(self) -> Path:
        """The exported file."""
        return self.result.folder / "models" / self.result.model.name / "model.onnx"

    @property
    def sha256(self) -> str:
        """Hash of the file, which names the model in every cache."""
        return self.result.model.sha256

    @property
    def session(self) -> OnnxModel:
        """The file in onnxruntime on one thread, ready to be asked."""
        return _session(str(self.file), self.sha256)

    @property
    def contract(self) -> FileContract:
        """How the file is fed and read, with a calibration where one could be fitted."""
        return _contract(self)


def contenders(study_id: str) -> dict[str, Contender]:
    """All models of a study's finished runs, in the order of its graph."""
    found = {}
    for result in results(services().store, study_id):
        name = result.model.name
        key = result.run.key if name == MODEL else f"{result.run.key} / {name}"
        contender = Contender(key, result)
        if contender.file.is_file():
            found[key] = contender
    return found


def default_teacher(found: dict[str, Contender]) -> str:
    """The study's teacher, or its largest model."""
    teachers = [key for key, one in found.items() if one.result.model.role == "teacher"]
    largest = max(found, key=lambda key: found[key].result.model.size_bytes)
    return teachers[0] if teachers else largest


def default_students(found: dict[str, Contender], teacher: str) -> list[str]:
    """One student: the first distilled one of the study, else the first that was trained alone.

    The first has the first seed: nobody chose it by its results, so it shows what is usual.
    """
    order = ("student", "baseline")
    others = [key for key in found if key != teacher]
    others.sort(key=lambda key: _place(found[key].result.model.role, order))
    return others[:1]


def _place(role: str, order: tuple[str, ...]) -> int:
    return order.index(role) if role in order else len(order)


def title(contender: Contender) -> str:
    """What a model is called in a list: its key, what it is, its size."""
    model = contender.result.model
    role_id = f"role.{model.role}"
    role = say(role_id) if role_id in catalogue() else model.role
    return say(
        "demo.model.line",
        key=contender.key,
        role=role,
        architecture=model.architecture,
        size=model.size_bytes,
    )


def embedded_study() -> str:
    """Id of the study that comes with the program; empty where it is not there."""
    first = next(shared.SAMPLE_STUDY.glob("r*"), None)
    try:
        return services().store.run(first.name).study if first else ""
    except StoreError:
        return ""


def network_of(contender: Contender) -> tuple[TaskModel, bool] | None:
    """The torch network for explanations, and whether it is the file's own.

    For a file that was changed after its export, such as an INT8 one, the float network that it
    was made from stands in. A person's own ONNX file has none.
    """
    path, own = network_file(contender.result.folder, contender.result.model.name)
    return None if path is None else (_network(str(path), contender.sha256), own)


@st.cache_resource(show_spinner=False, max_entries=SESSIONS)
def _session(path: str, sha256: str) -> OnnxModel:
    model = OnnxModel(Path(path), threads=1)
    side = model.contract.size
    model.predict(np.zeros((1, model.contract.channels, side, side), np.float32))  # warm-up
    return model


@st.cache_resource(show_spinner=False, max_entries=NETWORKS)
def _network(path: str, sha256: str) -> TaskModel:
    return load_checkpoint(Path(path))


@st.cache_resource(
    show_spinner=False, max_entries=200, hash_funcs={Contender: lambda one: one.sha256 + one.key}
)
def _contract(contender: Contender) -> FileContract:
    """The file's own operating point, else a temperature fitted on the validation predictions."""
    own = contender.session.contract
    if own.calibration is not None or own.threshold is not None:
        return own
    try:
        fitted = fit_temperature(predictions(contender.result, "val"))
    except StoreError:
        return own
    return own if fitted is None else own.change(calibration={"method": METHOD, "T": fitted})


# --- taking turns -------------------------------------------------------------------------------


@st.cache_resource(show_spinner=False)
def places() -> threading.BoundedSemaphore:
    """So many visitors may compute at once; a core stays free for everybody's pages."""
    return threading.BoundedSemaphore(max(1, (os.cpu_count() or 1) - 1))


class Turn:
    """A place among those who compute; :meth:`give_way` lets somebody else in between."""

    def __init__(self, places: threading.BoundedSemaphore) -> None:
        self._places = places
        self._held = False
        self._said = st.empty()

    def take(self) -> None:
        """Wait for a place. The sentence is a call of the page, so a visitor can leave."""
        while not self._places.acquire(timeout=0.3):
            self._said.caption(say("demo.waiting"))
        self._held = True
        self._said.empty()

    def leave(self) -> None:
        """Free the place."""
        if self._held:
            self._held = False
            self._places.release()

    def give_way(self) -> None:
        """Between two batches: whoever waits goes first."""
        self.leave()
        time.sleep(MOMENT_S)  # else this thread would be back before a waiting one has woken up
        self.take()


@contextmanager
def my_turn() -> Iterator[Turn]:
    """Everything heavy on the demo page happens in here."""
    turn = Turn(places())
    turn.take()
    try:
        yield turn
    finally:
        turn.leave()
