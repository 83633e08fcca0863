"""What can go wrong, tried out: small real trainings and the data doctor on copies of the images.

Each case is made at five amounts, from nothing wrong to all of it. The copies are those of
:mod:`kd_core.lessons.wrong_copies`; the network and its recipe are those of a class's live run.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from kd_core.config import (
    ComputeSettings,
    DistilSettings,
    LossTerm,
    RunSettings,
)
from kd_core.data.doctor import Finding, examine
from kd_core.data.loaded import LoadedData, Part
from kd_core.lessons.live import RECIPE, SIZE, STUDENT
from kd_core.lessons.material import MATERIALS, Material, MaterialSpec, Progress
from kd_core.lessons.wrong_copies import (
    Mistake,
    copied,
    easier_order,
    easy_rows,
    few,
    kept_classes,
    likely_mistake,
    mislabelled,
    nearest,
    only,
    val_rows,
    with_copies,
    with_marks,
    without,
)
from kd_core.models import build_model
from kd_core.study.pipeline import load_data
from kd_core.tasks import TASKS
from kd_core.train import fit
from kd_core.train.loader import Pixels, normalisation

CASES = ("shortcut", "leak", "inherit", "ceiling")
AMOUNTS = (0.0, 0.25, 0.5, 0.75, 1.0)
ARRAYS, FACTS = "wrong.npz", "wrong.json"
T = 2.0
SHOWN = 5


@dataclass(frozen=True)
class Wrong:
    """What was tried.

    Attributes:
        targets: Right classes of the validation images of the copies, (n,).
        arrays: Answers (class numbers, one row an amount) and images by name, see :func:`make`.
        findings: Of the data doctor, by case, one list an amount.
        mistake: Of the teacher with wrong labels.
        order: In which order classes are left out to make the question easier.
    """

    targets: NDArray[np.int64]
    arrays: Mapping[str, NDArray[Any]]
    findings: Mapping[str, tuple[tuple[Finding, ...], ...]]
    mistake: Mistake
    order: tuple[int, ...]


def make(material: Material, folder: Path, progress: Progress) -> None:
    """Try all cases and write two files.

    Arrays: ``targets`` (n,); ``shortcut_same`` and ``shortcut_clean``, answers on images that are
    marked like those of the training and on images without a mark; ``leak``, of the nearest
    training image, and ``leak_copied``, which images were copied; ``inherit``, of students that
    listen to the teacher with weight 0 to 1, and ``teacher`` (n,), its own; all (5, n). Images
    (m, S, S, 3): ``image_mark``, ``image_copied``, ``image_source``, ``image_mistake``.
    """
    data = few(load_data(material.data_settings.change(size=SIZE), material.home))
    trial = _Trial(material, data, progress)
    arrays: dict[str, NDArray[Any]] = {"targets": np.asarray(data.parts["val"].targets, np.int16)}
    findings: dict[str, list[list[Finding]]] = {}
    for case in CASES:
        found, findings[case] = getattr(trial, case)()
        arrays |= found
    np.savez_compressed(folder / ARRAYS, **arrays)  # type: ignore[arg-type]
    facts = {
        "mistake": vars(trial.mistake),
        "order": trial.order,
        "findings": {
            case: [[one.to_json() for one in group] for group in groups]
            for case, groups in findings.items()
        },
    }
    text = json.dumps(facts, indent=1, allow_nan=False)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def read(folder: Path) -> Wrong:
    """What :func:`make` wrote."""
    facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    with np.load(folder / ARRAYS, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return Wrong(
        targets=arrays.pop("targets").astype(np.int64),
        arrays=arrays,
        findings={
            case: tuple(tuple(map(Finding.from_json, group)) for group in groups)
            for case, groups in facts["findings"].items()
        },
        mistake=Mistake(**facts["mistake"]),
        order=tuple(facts["order"]),
    )


Found = tuple[dict[str, NDArray[Any]], list[list[Finding]]]


class _Trial:
    """The cases of one study, one after the other."""

    def __init__(self, material: Material, data: LoadedData, progress: Progress) -> None:
        self.material, self.data, self.progress = material, data, progress
        self.done = 0
        baseline = material.voice("baseline").logits
        n = len(material.classes)
        self.mistake = likely_mistake(material.targets, baseline.argmax(1), n)
        self.order = easier_order(material.targets, baseline)

    def shortcut(self) -> Found:
        """A mark in the frame that tells the class."""
        same, clean, findings = [], [], []
        marks = [with_marks(self.data, amount) for amount in AMOUNTS]
        for copy in marks:
            network = self._trained(copy)
            same.append(self._answers(network, copy.parts["val"]))
            clean.append(self._answers(network, self.data.parts["val"]))
            findings.append(examine(copy, only=["shortcut"]))
            self._tick()
        rows = _first_of_each(
            np.asarray(self.data.parts["val"].targets, np.int64), len(self.data.classes)
        )
        found = {"shortcut_same": np.stack(same), "shortcut_clean": np.stack(clean)}
        return {**found, "image_mark": _shown(marks[-1].parts["val"], rows)}, findings

    def leak(self) -> Found:
        """Validation images that are among the training images too."""
        answers, copies, findings = [], [], []
        n = len(self.data.parts["val"])
        for amount in AMOUNTS:
            copy = with_copies(self.data, amount)
            like = nearest(copy)
            answers.append(copy.parts["train"].targets[like].astype(np.int16))
            copies.append(np.isin(np.arange(n), copied(self.data, amount)))
            findings.append([_without_examples(f) for f in examine(copy, only=["duplicates"])])
            self._tick()
        rows = copied(self.data, 1.0)[1 : 2 * SHOWN : 2]  # those that were brightened
        train = copy.parts["train"]
        pictures = {
            "image_copied": _shown(self.data.parts["val"], rows),
            "image_source": _shown(train, like[rows]),
        }
        return {"leak": np.stack(answers), "leak_copied": np.stack(copies), **pictures}, findings

    def inherit(self) -> Found:
        """A teacher that learnt from wrong labels, and students that listen to it more or less."""
        wrong = mislabelled(self.data, self.mistake)
        teacher = self._trained(wrong, seed=1)
        findings = [examine(wrong, only=["labels", "duplicates"])] * len(AMOUNTS)
        answers = []
        for amount in AMOUNTS:
            distil = DistilSettings(
                mode="offline",
                alpha=1 - amount,
                losses=(LossTerm(name="kd", params={"T": T}),),
                views=1,
            )
            student = self._trained(self.data, distil if amount else None, teacher)
            answers.append(self._answers(student, self.data.parts["val"]))
            self._tick()
        val = self.data.parts["val"]
        rows = np.flatnonzero(val.targets == self.mistake.of)[:SHOWN]
        said = {"inherit": np.stack(answers), "teacher": self._answers(teacher, val)}
        return {**said, "image_mistake": _shown(val, rows)}, findings

    def ceiling(self) -> Found:
        """A question that is made easier, for the doctor; the models' answers are the study's."""
        findings = []
        logits = self.material.voice("baseline").logits[val_rows(self.material.data)]
        targets = np.asarray(self.data.parts["val"].targets, np.int64)
        for amount in AMOUNTS:
            copy = only(self.data, kept_classes(self.order, amount))
            if len(self.order) == 2:
                copy = without(copy, easy_rows(targets, logits, amount))
            findings.append(examine(copy, only=["ceiling"]))
            self._tick()
        return {}, findings

    def _tick(self) -> None:
        self.done += 1
        self.progress(self.done, len(CASES) * len(AMOUNTS))

    def _trained(
        self,
        data: LoadedData,
        distil: DistilSettings | None = None,
        teacher: nn.Module | None = None,
        seed: int = 0,
    ) -> nn.Module:
        """The tiny student after the recipe of a live run, as of its best epoch."""
        run = RunSettings(
            key="lesson",
            role="student",
            data=self.material.data_settings.change(size=SIZE, augment="none"),
            model=STUDENT,
            train=RECIPE,
            distil=distil,
            views=1,
            compute=ComputeSettings(device="cpu", threads=1),
        )
        task = TASKS[data.task]
        n_outputs = task.n_outputs(data.classes)
        network = build_model(STUDENT, n_outputs, data.channels, SIZE, seed)
        with tempfile.TemporaryDirectory() as aside:
            folder = Path(aside)
            return fit(run, data, network, teacher, folder=folder, cache=folder).network

    @torch.no_grad()
    def _answers(self, network: nn.Module, part: Part) -> NDArray[np.int16]:
        settings = self.material.data_settings.change(size=SIZE)
        mean, std = normalisation(self.data, settings)
        images = Pixels(part, mean, std, torch.device("cpu"))(np.arange(len(part)), None)
        logits = network(images)[TASKS[self.data.task].output]  # (n, K)
        return logits.argmax(1).numpy().astype(np.int16)


def _without_examples(finding: Finding) -> Finding:
    """The finding without the list of pairs, which is long and not shown here."""
    evidence = {name: v for name, v in finding.evidence.items() if name != "examples"}
    return replace(finding, evidence=evidence)


def _first_of_each(targets: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    firsts = [np.flatnonzero(targets == k)[:1] for k in range(classes)]
    return np.concatenate(firsts)[:SHOWN]


def _shown(part: Part, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Images as they are shown, (m, S, S, 3)."""
    images = np.moveaxis(part.images[rows], 1, -1)
    return np.ascontiguousarray(np.broadcast_to(images, (*images.shape[:3], 3)))


MATERIALS.add("wrong", MaterialSpec(make=make, read=read, version=1, minutes=3.0))
