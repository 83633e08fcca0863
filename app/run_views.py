"""One run in detail, two runs compared, and what can be taken away."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import pandas as pd
import streamlit as st

from app import compress_results, distil_cost, distil_live, export_targets, results_stamp
from app.readings import Reading
from app.results_images import images_by_id
from app.services import services
from app.texts import number, say, show_error
from app.theme import is_dark
from kd_core.errors import KDLabError
from kd_core.evaluate import METRICS, Predictions, Score, agreement, reliability
from kd_core.figures import (
    Bar,
    class_bars_figure,
    class_bars_info,
    confusion_figure,
    confusion_info,
    lines_figure,
    lines_info,
    reliability_figure,
    reliability_info,
)
from kd_core.study.records import RunRecord, ScoreRecord
from kd_core.study.results import Result, predictions

FLIPS = 24


def detail(reading: Reading, result: Result) -> None:
    """Everything about one run."""
    record = services().store.record(result.run.id)
    st.subheader(f"{result.label} · {result.model.architecture}")
    _facts(reading, record, result)
    if result.model.role == "compressed":
        compress_results.truth(record, result)
    curves, classes, calibration, environment, settings = st.tabs(
        [say(f"run.tab.{n}") for n in ("curves", "classes", "calibration", "machine", "settings")]
    )
    with curves:
        _curves(result, record)
    with classes:
        _classes(reading, result)
    with calibration:
        found = reliability(predictions(result, reading.part, opened=reading.opened))
        bins = reliability_info({result.label: found})
        _plot(reliability_figure(bins, say, is_dark()), "reliability")
    with environment:
        st.json(record.environment)
    with settings:
        st.code(json.dumps(record.settings.to_json(), indent=2), language="json", height=360)
    results_stamp.show(reading)
    downloads(result)
    export_targets.offer(result)


def _plot(figure: object, key: str) -> None:
    st.plotly_chart(figure, width="stretch", theme=None, key=key)


def _facts(reading: Reading, record: RunRecord, result: Result) -> None:
    model = next(model for model in record.models if model.name == result.model.name)
    trained = model.training or record.training
    parity = model.parity or {}
    st.caption(
        say(
            "run.facts",
            params=model.params,
            state=model.state_dict_bytes,
            file=model.size_bytes,
            macs=None if model.macs is None else model.macs / 1e6,
            seconds=record.seconds,
        )
    )
    if trained is not None:
        st.caption(
            say(
                "run.trained",
                epoch=trained.best_epoch,
                metric=say(f"metric.{trained.select_metric}.title"),
                steps=trained.steps,
                seconds=trained.seconds,
                teacher=trained.teacher_seconds,
                initial=trained.initial_sha256[:10],
            )
        )
        distil_cost.of_run(reading, result, trained)
    if parity:
        st.caption(
            say(
                "run.parity",
                difference=parity.get("max_abs_difference"),
                changed=parity.get("changed"),
                n=parity.get("images"),
            )
        )


def _curves(result: Result, record: RunRecord) -> None:
    own = result.folder / "models" / result.model.name / "history.csv"
    path = own if result.model.role == "compressed" else result.folder / "history.csv"
    if not path.is_file():
        st.caption(say("run.no_curves"))
        return
    history = pd.read_csv(path)
    model = next(model for model in record.models if model.name == result.model.name)
    trained = model.training or record.training
    best = trained.best_epoch if trained else math.nan
    columns = [str(name) for name in history.columns]
    kinds = {c: c.rpartition("/")[2] for c in columns}  # a further network's: peer-1/loss.task
    losses = {c: distil_live.part_name(c) for c, k in kinds.items() if k.startswith("loss.")}
    scores = {
        c: distil_live.metric_name(c)
        for c, k in kinds.items()
        if k.startswith("val.") and k != "val.loss"
    }
    left, right = st.columns(2)
    for column, names, y, key in (
        (left, losses, "axis.loss", "losses"),
        (right, scores, "axis.score", "scores"),
    ):
        curves = {
            title: list(zip(history["epoch"].astype(float), history[c], strict=True))
            for c, title in names.items()
        }
        info = lines_info("axis.epoch", y, curves, dict.fromkeys(curves, float(best)))
        with column:
            _plot(lines_figure(info, say, is_dark()), f"run-{key}")
    distil_live.of_folder(result.folder, result.run.key)


def _classes(reading: Reading, result: Result) -> None:
    found = predictions(result, reading.part, opened=reading.opened)
    left, right = st.columns(2)
    if found.task == "classification":
        with left:
            _plot(confusion_figure(confusion_info(found), say, is_dark()), "confusion")
    with right:
        had = reading.scores(result)  # a run recorded earlier may lack a metric that is new
        per_class = [name for name in METRICS if f"{name}:{found.classes[0]}" in had]
        metric = st.selectbox(
            say("run.per_class"), per_class, format_func=lambda n: say(f"metric.{n}.title")
        )
        shown = [
            other
            for other in reading.results
            if other.run.seed == result.run.seed or other.model.role == "teacher"
        ]
        bars = {o.label: _bars(reading.scores(o), metric, found.classes) for o in shown}
        roles = {other.label: other.model.role for other in shown}
        info = class_bars_info(metric, found.classes, bars, roles)
        _plot(class_bars_figure(info, say, is_dark()), "per-class")
        st.caption(say("run.per_class.caption"))


def _bars(
    scores: Mapping[str, ScoreRecord | Score], metric: str, classes: tuple[str, ...]
) -> list[Bar]:
    found = [scores.get(f"{metric}:{name}") for name in classes]
    ends = [(s.value, s.low, s.high) if s else (None,) * 3 for s in found]
    return [Bar(*(math.nan if v is None else v for v in values)) for values in ends]


def compare(reading: Reading) -> None:
    """Two models on the same images: agreement, and the flips as pictures."""
    by_key = {result.label: result for result in reading.results}
    if len(by_key) < 2:
        st.caption(say("compare.few"))
        return
    keys = list(by_key)
    left, right = st.columns(2)
    first = left.selectbox(say("compare.first"), keys, index=0, key="compare-first")
    second = right.selectbox(say("compare.second"), keys, index=len(keys) - 1, key="compare-second")
    try:
        a = predictions(by_key[first], reading.part, opened=reading.opened)
        b = predictions(by_key[second], reading.part, opened=reading.opened)
        found = agreement(a, b)
    except KDLabError as error:  # models of two folds saw different images
        show_error(error)
        return
    st.markdown(
        say(
            "compare.share",
            share=found.share,
            lost=len(found.lost),
            gained=len(found.gained),
            both=len(found.both_wrong),
        )
    )
    results_stamp.show(reading)
    kinds = {"lost": found.lost, "gained": found.gained, "both_wrong": found.both_wrong}
    kind = st.segmented_control(
        say("compare.show"),
        list(kinds),
        default="lost",
        required=True,
        format_func=lambda name: say(f"compare.{name}", n=len(kinds[name])),
        key="compare-kind",
    )
    _flips(reading, a, b, kinds[kind][:FLIPS].tolist())


def _flips(reading: Reading, a: Predictions, b: Predictions, rows: list[int]) -> None:
    if not rows:
        st.caption(say("compare.none"))
        return
    try:
        images = images_by_id(reading, [a.ids[row] for row in rows])
    except KDLabError as error:
        st.caption(say(error.msg))
        return
    with st.container(horizontal=True):
        for row in rows:
            caption = say(
                "compare.caption",
                true=_answer(a.classes, a.targets[row]),
                first=_answer(a.classes, a.predicted()[row]),
                second=_answer(b.classes, b.predicted()[row]),
            )
            with st.container(width=130):
                if a.ids[row] in images:
                    st.image(images[a.ids[row]], width=110)
                st.caption(caption)


def _answer(classes: tuple[str, ...], value: object) -> str:
    if getattr(value, "ndim", 0) == 1:
        named = [n for n, v in zip(classes, value, strict=True) if v == 1]  # type: ignore[call-overload]
        return ", ".join(named) or "–"
    return classes[int(value)]  # type: ignore[call-overload]


def downloads(result: Result) -> None:
    """The ONNX file and the predictions."""
    with st.container(horizontal=True):
        onnx = result.folder / "models" / result.model.name / "model.onnx"
        if onnx.is_file():
            st.download_button(
                say("run.onnx", size=number(result.model.size_bytes, "bytes")),
                onnx.read_bytes,
                f"{result.label.replace('/', '-')}.onnx",
                "application/octet-stream",
                icon=":material/download:",
                key=f"onnx-{result.run.id}-{result.model.name}",
                type="primary",
            )
        val = result.folder / "predictions" / f"{result.model.name}-val.parquet"
        if val.is_file():
            st.download_button(
                say("run.predictions"),
                val.read_bytes,
                f"{result.label.replace('/', '-')}-val.parquet",
                icon=":material/download:",
                key=f"predictions-{result.run.id}-{result.model.name}",
            )
