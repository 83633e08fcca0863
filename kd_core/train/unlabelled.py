"""Images without labels: the teacher says what is on them.

    pseudo   images of which the teacher is sure enough get its answer as their label
    soft     no label at all; the student learns the teacher's probabilities only

They come from another data set, whose labels are ignored, or are a share of the training part
whose labels are put aside. Images that are also in the validation or test part, pixel by pixel,
are left out, and those of another data set also where they are almost the same as one there. What
the teacher said is written to ``unlabelled.csv`` in the run's folder, read back, and compared with
what the student is trained on.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kd_core.data.doctor.duplicates import near_copies
from kd_core.data.loaded import LoadedData, Part
from kd_core.errors import ConfigError, DataError, TrainError
from kd_core.registry import Param
from kd_core.tasks import TaskSpec
from kd_core.text import Msg
from kd_core.train.effort import Effort
from kd_core.train.elsewhere import CHUNK, Elsewhere, JoinedImages, joined_part
from kd_core.train.loader import Pixels, normalisation
from kd_core.train.modes import MODES, ModeSpec, Setup
from kd_core.train.teacher_cache import FILL_BATCH

TABLE = "unlabelled.csv"


@dataclass(frozen=True)
class Candidates:
    """Images whose labels nobody looks at.

    Attributes:
        part: Where they are.
        rows: Positions in it, in order.
        origin: Name of the data set, or empty for the training part itself.
    """

    part: Part
    rows: NDArray[np.int64]
    origin: str = ""


@dataclass(frozen=True)
class Answers:
    """What the teacher says of the candidates.

    Attributes:
        targets: As the task stores them: int64 (N,), or float32 (N, L) with NaN where it is unsure.
        confidence: Probability of its answer, (N,); for several labels of the surest one.
        kept: Whether it is sure enough, (N,).
    """

    targets: NDArray[Any]
    confidence: NDArray[np.float32]
    kept: NDArray[np.bool_]


def pseudo_labels(probabilities: Tensor, task: TaskSpec, least: float) -> Answers:
    """Labels from a teacher's probabilities.

    For one label an image it is the most probable class, kept where its probability is at least
    ``least``. For several, each label is present from ``least`` on and absent up to
    ``1 − least``; in between it is unknown, and an image without a known label is dropped.

    >>> from kd_core.tasks import TASKS
    >>> p = torch.tensor([[0.95, 0.05], [0.6, 0.4]])
    >>> said = pseudo_labels(p, TASKS["classification"], 0.9)
    >>> said.targets.tolist(), said.kept.tolist()
    ([0, 0], [True, False])
    """
    sides = torch.maximum(probabilities, 1 - probabilities)  # (N, K)
    if task.decode(probabilities).ndim == 1:
        confidence, targets = probabilities.max(1)
        return Answers(
            targets.numpy().astype(np.int64),
            confidence.numpy().astype(np.float32),
            (confidence >= least).numpy(),
        )
    labels = task.decode(probabilities).float()  # (N, L)
    labels[sides < least] = torch.nan
    known = ~labels.isnan()
    return Answers(
        labels.numpy().astype(np.float32), sides.amax(1).numpy().astype(np.float32),
        known.any(1).numpy(),
    )  # fmt: skip


class Unlabelled(Elsewhere):
    """Offline distillation on what the teacher labelled.

    Raises:
        ConfigError: ``unlabelled_external`` for a data set that the study tests on,
            ``unlabelled_no_loss`` where neither labels nor a loss are to be learned from.
        DataError: ``unlabelled_channels``, or ``unlabelled_nothing_kept``.
    """

    def __init__(self, setup: Setup) -> None:
        params, soft = setup.params, setup.params["targets"] == "soft"
        if soft and not setup.distil.losses:
            raise ConfigError("unlabelled_no_loss")
        found, labelled = candidates(setup)
        rows, left = without_known(found, setup.data)
        found = Candidates(found.part, rows, found.origin)
        answers = self._ask(setup, found, 0.0 if soft else params["confidence"])
        kept = found.rows[answers.kept]
        if len(kept) < 2:
            raise DataError(
                "unlabelled_nothing_kept", n=len(rows), kept=len(kept), least=params["confidence"]
            )
        rest = labelled if params["labelled"] else labelled[:0]
        train = setup.data.parts["train"]
        targets = np.concatenate([train.targets[rest], answers.targets[answers.kept]])
        images = JoinedImages([(train.images, rest), (found.part.images, kept)])
        ids = [*(train.ids[row] for row in rest), *_names(found, kept)]
        write_table(setup.folder / TABLE, found, answers)
        super().__init__(setup, joined_part(images, targets, ids), labels=not soft)
        self.costs.teacher_images += len(rows)
        self._check(setup.folder / TABLE, len(rest), ids[len(rest) :])
        self._record(found, answers, left, len(rest), soft)
        setup.say(
            Msg(
                "unlabelled.kept",
                {"n": len(rows), "kept": len(kept), "labelled": len(rest), **asdict(left)},
            )
        )

    def _ask(self, setup: Setup, found: Candidates, least: float) -> Answers:
        """The teacher's answers to the images as they are, in the order of the rows."""
        assert setup.teacher is not None  # the mode needs one
        teacher = setup.teacher.to(setup.device).eval()
        pixels = Pixels(found.part, *normalisation(setup.data, setup.run.data), setup.device)
        each = []
        for start in range(0, len(found.rows), FILL_BATCH):
            setup.tick("teacher_outputs", start, len(found.rows))
            with torch.no_grad():
                outputs = teacher(pixels(found.rows[start : start + FILL_BATCH], view=None))
            each.append(setup.task.probabilities(outputs[setup.task.output].float()).cpu())
        if not each:
            raise DataError("unlabelled_nothing_kept", n=0, kept=0, least=least)
        probabilities = torch.cat(each)
        if not probabilities.isfinite().all():
            raise TrainError("teacher_nan", first=0)
        return pseudo_labels(probabilities, setup.task, least)

    def _check(self, table: Path, known: int, ids: list[str]) -> None:
        """Compare the targets in the loader with those that were written down.

        Raises:
            TrainError: ``unlabelled_other_targets``.
        """
        said = read_table(table)
        mine = self.loader.targets[known:].numpy().reshape(len(ids), -1)
        for name, row in zip(ids, mine, strict=True):
            if name not in said or not np.array_equal(said[name], row, equal_nan=True):
                raise TrainError("unlabelled_other_targets", image=name)

    def _record(
        self, found: Candidates, answers: Answers, left: LeftOut, labelled: int, soft: bool
    ) -> None:
        kept = answers.targets[answers.kept]
        self.facts |= {
            "unlabelled": len(found.rows),
            "kept": int(answers.kept.sum()),
            "left_out": left.seen + left.near,
            "near_copies": left.near,
            "labelled": labelled,
            "targets": "soft" if soft else "pseudo",
            "targets_sha256": hashlib.sha256(np.ascontiguousarray(kept).tobytes()).hexdigest(),
        }
        if not found.origin and kept.ndim == 1 and not soft:
            # The labels that were put aside say how good the pseudo-labels are, and nothing more.
            true = found.part.targets[found.rows[answers.kept]]
            self.facts["pseudo_correct"] = round(float((kept == true).mean()), 4)


def candidates(setup: Setup) -> tuple[Candidates, NDArray[np.int64]]:
    """The images without labels, and the rows of the training part that keep theirs.

    Raises:
        ConfigError: ``unlabelled_external``.
        DataError: ``unlabelled_channels``.
    """
    name, train = setup.params["dataset"], setup.data.parts["train"]
    everything = np.arange(len(train))
    if not name:
        # The same share for all seeds, as the images are the study's.
        order = np.random.default_rng(len(train)).permutation(everything)
        n = round(setup.params["share"] * len(train))
        return Candidates(train, np.sort(order[:n])), np.sort(order[n:])
    if name in setup.run.data.external:
        raise ConfigError("unlabelled_external", dataset=name)
    other = setup.outside.load(name)
    if other.channels != setup.data.channels:
        raise DataError(
            "unlabelled_channels", dataset=name, got=other.channels, need=setup.data.channels
        )
    part = other.parts.get("train") or next(iter(other.parts.values()))
    return Candidates(part, np.arange(len(part)), name), everything


@dataclass(frozen=True)
class LeftOut:
    """Candidates that the student must not learn from.

    Attributes:
        seen: Images that are in the validation or test part, pixel by pixel.
        near: Images of another data set that are almost the same as one there.
    """

    seen: int
    near: int


def without_known(found: Candidates, data: LoadedData) -> tuple[NDArray[np.int64], LeftOut]:
    """Rows of candidates that are in neither validation nor test part, and how many were."""
    parts = [data.parts[name] for name in ("val", "test") if name in data.parts]
    known = {h for part in parts for h in _hashes(part)}
    fresh = [h not in known for h in _hashes(found.part, found.rows)]
    rows = found.rows[np.array(fresh, dtype=bool)]
    # of the study's own training part the baseline learns as well: there the data doctor warns
    near = near_copies(found.part, rows, parts) if found.origin else np.zeros(len(rows), bool)
    return rows[~near], LeftOut(len(found.rows) - len(rows), int(near.sum()))


def _hashes(part: Part, rows: NDArray[np.int64] | None = None) -> Iterator[bytes]:
    """SHA-256 of the pixels of each image."""
    every = np.arange(len(part)) if rows is None else rows
    for start in range(0, len(every), CHUNK):
        for image in part.images[every[start : start + CHUNK]]:
            yield hashlib.sha256(np.ascontiguousarray(image).tobytes()).digest()


def _names(found: Candidates, rows: NDArray[np.int64]) -> list[str]:
    """Names of candidates; those of another data set have its name before them."""
    before = f"{found.origin}/" if found.origin else ""
    return [before + found.part.ids[row] for row in rows]


def write_table(path: Path, found: Candidates, answers: Answers) -> None:
    """One row a candidate: name, whether it is kept, confidence, and the teacher's target."""
    targets = answers.targets.reshape(len(found.rows), -1)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["id", "kept", "confidence", *(f"target_{k}" for k in range(targets.shape[1]))])
    for name, kept, sure, row in zip(
        _names(found, found.rows), answers.kept, answers.confidence, targets, strict=True
    ):
        table.writerow([name, int(kept), f"{sure:.6f}", *(f"{value:g}" for value in row)])
    path.write_text(text.getvalue(), encoding="utf-8")


def read_table(path: Path) -> dict[str, NDArray[np.float64]]:
    """Targets of the kept images by name."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["kept"] == "1"]
    names = [name for name in (rows[0] if rows else ()) if name.startswith("target_")]
    return {row["id"]: np.array([float(row[name]) for name in names]) for row in rows}


MODES.add(
    "unlabelled",
    ModeSpec(
        build=Unlabelled,
        needs_teacher=True,
        source="Lee 2013; Xie et al. 2020",
        # how large another data set is, is not known here: as many images as the training part has
        effort=lambda distil, params: Effort(asked=1.0 if params["dataset"] else params["share"]),
        params=(
            Param("dataset", "dataset", ""),
            Param("share", "float", 0.5, low=0.01, high=1.0, step=0.05),
            Param("targets", "choice", "pseudo", choices=("pseudo", "soft")),
            Param(
                "confidence",
                "float",
                0.9,
                low=0.0,
                high=1.0,
                step=0.05,
                when=("targets", ("pseudo",)),
            ),
            Param("labelled", "bool", True),
        ),
    ),
)
