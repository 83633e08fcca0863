"""The accuracy-bounded wizard: the fastest (or smallest) setting that loses at most so much.

    float ─► FP16 ─► dynamic ─► static by minmax, percentile, entropy ─► INT8 with 1, 2, 4, 8
    sensitive layers in float, until one keeps the bound

Every setting is a file, evaluated by onnxruntime on validation images and timed in turns with the
float file. Nothing outside the bound is ever returned; if nothing keeps it, or nothing is better
than the float file, the float file is.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onnx import ModelProto

from kd_core.compress.quantise import ERROR_IMAGES, refuses_static, scheme_of
from kd_core.compress.quantise_calibrate import METHODS, Method, calibrate
from kd_core.compress.quantise_graph import keep, prepare
from kd_core.compress.quantise_layers import counts, layer_errors, layer_table
from kd_core.compress.quantise_qdq import write_qdq
from kd_core.compress.quantise_timing import medians_ms
from kd_core.compress.quantise_weights import to_dynamic, to_float16
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.compress.wizard_outcome import Goal, Outcome, Trial, choose
from kd_core.errors import KDLabError
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import counted_in
from kd_core.evaluate.verdict import compare
from kd_core.export.onnx_model import OnnxModel
from kd_core.registry import Param
from kd_core.tasks import TASKS
from kd_core.text import Msg

SENSITIVE = (1, 2, 4, 8)  # layers left in float, tried in this order
POINT = 0.01
SAME = 1e-9  # rounding of a difference of two scores


@dataclass(frozen=True)
class _Setting:
    method: str
    params: Mapping[str, Any]
    make: Callable[[], ModelProto]


def search(
    file: Path,
    shop: Workshop,
    bound: float = 0.5 * POINT,
    goal: Goal = "fastest",
    metric: str = "",
    images: int = 256,
) -> Outcome:
    """Try settings until it is known which one to take.

    Args:
        file: A float file with our contract.
        shop: Training images for ranges, validation images for the choice; results go into its
            folder.
        bound: Largest loss of the metric on validation images: 0.005 is half a point.
        goal: The fastest or the smallest file within the bound.
        metric: Entry of ``METRICS``; empty is the one that the task chooses checkpoints by.
        images: Training images for the ranges.

    Raises:
        JobError: ``shop.tick`` says that the run is to stop.
    """
    name = metric or TASKS[shop.data.task].select_metric
    judge = _Judge(file, shop, name, bound)
    tried = [(judge.reference, file)]
    for setting in _settings(file, shop, images):
        if setting.method == "int8_mixed" and any(
            trial.keeps for trial, _ in tried if trial.method.startswith("int8")
        ):
            break  # whole INT8 keeps the bound: leaving layers in float only costs
        path = shop.folder / f"trial-{len(tried)}.onnx"
        tried.append((judge(setting, path), path))
        shop.tick("compress", len(tried) - 1, len(METHODS) + len(SENSITIVE) + 2)
    tried = _timed_again(tried, shop)
    chosen = choose([trial for trial, _ in tried], goal)
    return Outcome(
        file=tried[chosen][1],
        chosen=chosen,
        trials=tuple(trial for trial, _ in tried),
        metric=name,
        bound=bound,
        goal=goal,
        images=len(shop.data.parts["val"]),
        verdict=judge.verdict(tried[chosen][1]) if chosen else None,
    )


def _settings(file: Path, shop: Workshop, images: int) -> Iterator[_Setting]:
    """The settings in the order in which they are tried; what they share is computed once."""
    model, scheme = prepare(file), scheme_of({})
    yield _Setting("fp16", {}, lambda: to_float16(file))
    yield _Setting("int8_dynamic", {}, lambda: to_dynamic(model, scheme, linear_only=False))
    calm = shop.images("train", images, shop.seed)
    ranges = {}
    methods: tuple[Method, ...] = ("minmax", "percentile", "entropy")
    for method in methods:
        ranges[method] = calibrate(model, calm, method, tick=shop.tick)
        yield _Setting(
            "int8",
            {"calibration": method},
            lambda watched=ranges[method]: write_qdq(model, watched, scheme),  # type: ignore[misc]
        )
    some = shop.images("train", ERROR_IMAGES)
    errors = layer_errors(model, ranges["minmax"], scheme, some, shop.tick)
    worst = sorted(errors, key=lambda node: -errors[node])
    for count in (count for count in SENSITIVE if count < len(worst)):
        yield _Setting(
            "int8_mixed",
            {"calibration": "minmax", "layers": count},
            lambda n=count: write_qdq(model, ranges["minmax"], scheme, worst[:n]),  # type: ignore[misc]
        )


class _Judge:
    """Makes a file of a setting, and says what it is worth."""

    def __init__(self, file: Path, shop: Workshop, metric: str, bound: float) -> None:
        self.file, self.shop, self.metric, self.bound = file, shop, metric, bound
        self.float = self._predict(file)
        self.score = self._score(self.float)
        self.reference = Trial(
            method="",
            size_bytes=file.stat().st_size,
            score=self.score,
            loss=0.0,
            changed=0,
            times_as_fast=1.0,
            keeps=True,
        )

    def __call__(self, setting: _Setting, path: Path) -> Trial:
        trial = Trial(setting.method, setting.params)
        try:
            keep(setting.make(), self.file, path)
            predicted = self._predict(path)
        except KDLabError as error:
            if error.code in ("cancelled", "paused"):
                raise
            return replace(trial, why=error.msg)
        score = self._score(predicted)
        loss = (self.score - score) * (1 if METRICS[self.metric].higher_is_better else -1)
        before, after = medians_ms(
            [self.file, path], self.shop.images("train", 1), self.shop.threads
        )
        differs = self.float.predicted() != predicted.predicted()
        return replace(
            trial,
            size_bytes=path.stat().st_size,
            score=score,
            loss=loss,
            changed=int(differs.reshape(len(differs), -1).any(1).sum()),
            latency_ms=after,
            times_as_fast=before / after,
            keeps=loss <= self.bound + SAME,  # NaN never keeps it
        )

    def verdict(self, path: Path) -> Msg:
        """The one verdict function on this file against the float one."""
        return compare([self._predict(path)], [self.float], self.metric, margin=self.bound).msg

    def _score(self, predictions: Predictions) -> float:
        p, counts = predictions.probabilities(), counted_in(predictions)
        return float(METRICS[self.metric].fn(p, predictions.targets, None, counts))

    def _predict(self, path: Path) -> Predictions:
        data, rows = self.shop.data, self.shop.data.parts["val"]
        answers = OnnxModel(path, self.shop.threads).predict_uint8(rows.images)
        return Predictions(
            ids=rows.ids,
            targets=rows.targets,
            logits=answers[TASKS[data.task].output],
            part="val",
            seed=self.shop.seed,
            classes=data.classes,
            task=data.task,
            patients=rows.patients,
        )


def _timed_again(tried: list[tuple[Trial, Path]], shop: Workshop) -> list[tuple[Trial, Path]]:
    """All that keep the bound in one race with the float file, so that they can be compared."""
    racing = [number for number, (trial, _) in enumerate(tried) if trial.keeps]
    files = [tried[number][1] for number in racing]
    times = medians_ms(files, shop.images("train", 1), shop.threads, tick=shop.tick)
    result = list(tried)
    for number, ms in zip(racing, times, strict=True):
        trial, path = tried[number]
        result[number] = replace(trial, latency_ms=ms, times_as_fast=times[0] / ms), path
    return result


# --- as a step of a chain -----------------------------------------------------------------------


def automatic(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """The wizard as a step: its file, or the float file again where none keeps the bound."""
    bound = params["points"] * POINT
    found = search(subject.file, shop, bound, params["goal"], images=params["images"])
    file = shop.folder / "chosen.onnx"
    shutil.copyfile(found.file, file)
    trial = found.trials[found.chosen]
    facts: dict[str, Any] = {"wizard": found.to_json()}
    if trial.method.startswith("int8"):
        table = layer_table(prepare(subject.file), file)
        facts |= {"layers": table, "counts": counts(table)}
    if not found.chosen:
        return Made(file=file, facts=facts, notes=(Msg("wizard.none", {"points": bound}),))
    note = Msg(
        "wizard.chosen",
        {
            "method": Msg(COMPRESSORS.text_id(trial.method, "title")),
            "n": sum(t.keeps for t in found.trials[1:]),
            "all": len(found.trials) - 1,
            "loss": trial.loss,
            "times": round(trial.times_as_fast or 1.0, 2),
        },
    )
    return Made(file=file, facts=facts, notes=(note,))


COMPRESSORS.add(
    "int8_auto",
    CompressorSpec(
        apply=automatic,
        family="quantise",
        works_on="file",
        refuses=refuses_static,
        calibrates=True,
        params=(
            Param("points", "float", 0.5, low=0.0, high=20.0, step=0.1),
            Param("goal", "choice", "fastest", choices=("fastest", "smallest")),
            Param("images", "int", 256, low=8, high=4096, advanced=True),
        ),
    ),
)
