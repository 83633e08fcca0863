"""A study's finished models, read for pages, reports and the command line.

Pages rank and choose on validation results. Predictions of the test part and of external sets
lie sealed in the run folders; :func:`predictions` hands them out only when it is told that the
study's test part is open.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from kd_core.config import RUN_PREFIX, Chain
from kd_core.errors import StoreError
from kd_core.evaluate.predictions import Predictions, read_predictions
from kd_core.evaluate.verdict import Verdict, compare
from kd_core.latency.records import Measurement
from kd_core.study.records import ScoreRecord
from kd_core.study.rows import ModelRow, RunRow
from kd_core.study.store import Store

PREDICTIONS = "predictions"


@dataclass(frozen=True)
class Result:
    """One model of one finished run.

    Attributes:
        run: The run that made it.
        model: Sizes, MACs and validation scores.
        arm: What it is compared as: ``teacher``, ``baseline``, an arm's name, ``imported-…``; each
            step of a chain is ``<chain>/<model>``.
        measurements: Latency figures, oldest first.
        folder: The run's folder.
    """

    run: RunRow
    model: ModelRow
    arm: str
    measurements: tuple[Measurement, ...]
    folder: Path

    @property
    def label(self) -> str:
        """Short name, unique in its study."""
        key = self.run.key
        return key if self.run.role != "compressed" else f"{key}/{self.model.name}"

    @property
    def file(self) -> Path:
        """The exported file, the one that is deployed."""
        return self.folder / "models" / self.model.name / "model.onnx"

    @property
    def scores(self) -> dict[str, ScoreRecord]:
        """Validation scores by metric."""
        return self.model.scores

    def latency(self, batch: int = 1, device: str = "this_machine") -> Measurement | None:
        """The newest measurement on a device at a batch size; ``batch=0``: the throughput batch."""
        for measurement in reversed(self.measurements):
            if measurement.target_device != device:
                continue
            if measurement.batch == batch or (batch == 0 and measurement.batch > 1):
                return measurement
        return None


def results(store: Store, study_id: str) -> list[Result]:
    """All models of a study's finished runs, in the order of its graph."""
    runs = {run.id: run for run in store.runs(study=study_id) if run.status == "finished"}
    measured: dict[tuple[str, str], list[Measurement]] = {}
    for row in store.measurements(study=study_id):
        figures = {name: row.body[name] for name in row.body if name not in ("model", "at")}
        measured.setdefault((row.run, row.model), []).append(Measurement.from_json(figures))
    return [
        Result(
            run=runs[model.run],
            model=model,
            arm=arm_of(runs[model.run], model),
            measurements=tuple(measured.get((model.run, model.name), ())),
            folder=store.folder(model.run),
        )
        for model in store.models(study=study_id)
        if model.run in runs
    ]


def arm_of(run: RunRow, model: ModelRow | None = None) -> str:
    """The run's place in its study without its seed; the model's, where a run makes several.

    A run's key is ``<arm>-s<seed>``; an imported model has no seed.
    """
    place = run.key.removesuffix(f"-s{run.seed}")
    return place if model is None or run.role != "compressed" else f"{place}/{model.name}"


def last_steps(arms: Mapping[str, Sequence[Result]]) -> list[str]:
    """Arms without what is only a step on the way of a chain."""
    last: dict[str, int] = {}
    for group in arms.values():
        for result in group:
            last[result.run.id] = max(last.get(result.run.id, 0), result.model.step)
    return [
        arm
        for arm, group in arms.items()
        if any(result.model.step == last[result.run.id] for result in group)
    ]


def origin_arm(chain: Chain, arms: Mapping[str, Sequence[Result]]) -> str | None:
    """The arm that a chain begins with, where it is among these."""
    if chain.origin in arms:
        return chain.origin
    run_id = chain.origin.removeprefix(RUN_PREFIX)
    found = [arm for arm in last_steps(arms) if any(r.run.id == run_id for r in arms[arm])]
    return found[0] if found else None


def predictions(result: Result, part: str, *, opened: bool = False) -> Predictions:
    """Per-image predictions of a model.

    Args:
        result: The model.
        part: ``val``, ``test`` or ``external-<data set>``.
        opened: Whether the study's test part was opened; only ``val`` is free before.

    Raises:
        StoreError: ``test_sealed``, or ``predictions_missing``.
    """
    if part != "val" and not opened:
        raise StoreError("test_sealed", part=part)
    path = result.folder / PREDICTIONS / f"{result.model.name}-{part}.parquet"
    if not path.is_file():
        raise StoreError("predictions_missing", run=result.run.id, part=part)
    return read_predictions(path)


def by_arm(all_results: Iterable[Result]) -> dict[str, list[Result]]:
    """Models by arm, each list in the order of seeds."""
    arms: dict[str, list[Result]] = {}
    for result in all_results:
        arms.setdefault(result.arm, []).append(result)
    return {arm: sorted(group, key=lambda r: r.run.seed) for arm, group in arms.items()}


def compare_arms(
    left: Sequence[Result],
    right: Sequence[Result],
    metric: str,
    *,
    part: str = "val",
    margin: float = 0.01,
    opened: bool = False,
) -> Verdict:
    """The verdict on ``left`` against ``right`` over the seeds that both have.

    One model without a partner (a teacher that was trained once) is paired with every seed.

    Raises:
        StoreError: As :func:`predictions`.
    """
    pairs = _pairs(left, right)
    return compare(
        [predictions(a, part, opened=opened) for a, _ in pairs],
        [predictions(b, part, opened=opened) for _, b in pairs],
        metric,
        margin=margin,
    )


def _pairs(left: Sequence[Result], right: Sequence[Result]) -> list[tuple[Result, Result]]:
    if len(left) == 1:
        return [(left[0], other) for other in right]
    if len(right) == 1:
        return [(one, right[0]) for one in left]
    partners = {result.run.seed: result for result in right}
    return [(one, partners[one.run.seed]) for one in left if one.run.seed in partners]
