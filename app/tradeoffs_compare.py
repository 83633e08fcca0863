"""Two and more runs side by side: settings, curves, classes, flips, layers, advice."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from app import address
from app import tradeoffs_data as data
from app.services import services
from app.texts import number, say, signed
from app.theme import is_dark
from app.tradeoffs_choice import Choice
from app.tradeoffs_flips import show_flips
from app.tradeoffs_views import PICTURE, Found
from kd_core.errors import KDLabError
from kd_core.figures import Bar, class_bars_figure, class_bars_info, lines_figure, lines_info
from kd_core.figures.layer_times import LayerBar, layer_times_figure, layer_times_info
from kd_core.latency.estimate import layer_times
from kd_core.study.costs import THIS_MACHINE
from kd_core.study.recommend import metric_msg
from kd_core.study.side_by_side import Evidence, advice, differences, loss_by_class
from kd_core.text import significant

MOST = 4
OFFERED = 300
PARTS = ("figures", "settings", "curves", "classes", "flips", "layers", "advice")
DELTAS = ("value", "latency_ms", "size_bytes", "ram_bytes", "macs", "params")
KINDS = {"ms": "ms", "bytes": "bytes"}


def show(choice: Choice, found: Found) -> None:
    """Choose models, pin one, and look at one part."""
    chosen = _chosen(choice, found)
    if len(chosen) < 2:
        st.info(say("side.few"))
        return
    names = data.labels(pd.DataFrame(list(chosen.values())))
    pinned = address.choice(
        st, say("side.pinned"), list(chosen), "pinned", format_func=lambda k: names[k]
    )
    part = address.choice(
        st,
        say("side.part"),
        PARTS,
        "side",
        kind="segmented_control",
        required=True,
        format_func=lambda name: say(f"side.part.{name}"),
        label_visibility="collapsed",
    )
    rows = {names[key]: row for key, row in chosen.items()}
    draw = {
        "figures": _figures, "settings": _settings, "curves": _curves, "classes": _classes,
        "flips": show_flips, "layers": _layers, "advice": _advice,
    }  # fmt: skip
    draw[part](choice, rows, names[pinned])


def _chosen(choice: Choice, recommendation: Found) -> dict[str, pd.Series]:
    """Rows by key; the recommended one and the reference unless others are chosen."""
    table = choice.collapsed()
    within, found = recommendation
    keys = {key: i for i, key in enumerate(data.keys(table))}
    study, arm, name = choice.reference
    first = [f"{study[-4:]}:{arm}:{name}"]
    for place in (found.best, found.runner_up):
        if place is not None:
            row = within.iloc[place]
            first.append(f"{row['study'][-4:]}:{row['arm']}:{row['name']}")
    best = dict.fromkeys(key for key in first if key in keys)
    asked = address.asked("models")
    # naming thousands of models would be slow: the recommended first, then some
    offered = list(dict.fromkeys([*best, *(k for k in asked if k in keys), *keys]))[:OFFERED]
    names = data.labels(table.iloc[[keys[key] for key in offered]])
    chosen = address.several(
        st, say("side.models"), offered, "models", usual=list(best)[:2],
        format_func=lambda key: names[key], max_selections=MOST,
    )  # fmt: skip
    return {key: table.iloc[keys[key]] for key in chosen}


Rows = Mapping[str, pd.Series]


def _figures(choice: Choice, rows: Rows, pinned: str) -> None:
    """Each figure, and its difference to the pinned model."""
    base = rows[pinned]
    table = []
    for name in DELTAS:
        title = say(metric_msg(choice.metric)) if name == "value" else say(f"limit.{name}")
        line = {say("side.figure"): title}
        for model, row in rows.items():
            line[model] = _with_delta(name, row[name], None if model == pinned else base[name])
        table.append(line)
    st.dataframe(pd.DataFrame(table), hide_index=True, width="stretch")
    st.caption(say("side.figures.about", pinned=pinned))


def _with_delta(name: str, value: Any, base: Any) -> str:
    kind = "score" if name == "value" else KINDS.get(name.rpartition("_")[2], "number")
    if value is None or not math.isfinite(value):
        return "–"
    text = number(float(value), kind)
    if base is None or not math.isfinite(base) or not base:
        return text
    if name == "value":
        return say("side.delta", value=text, delta=signed((value - base) * 100, 1))
    return say("side.ratio", value=text, ratio=number(significant(value / base, 2), "number"))


def _settings(choice: Choice, rows: Rows, pinned: str) -> None:
    store = services().store
    configs = {name: store.settings(str(row["run"])).to_json() for name, row in rows.items()}
    found = differences(configs)
    if not found:
        st.info(say("side.equal"))
        return
    lines = [
        {say("side.setting"): path, **{name: _value(v) for name, v in row.items()}}
        for path, row in found.items()
    ]
    st.dataframe(pd.DataFrame(lines), hide_index=True, width="stretch")
    st.caption(say("side.settings.about"))


def _value(value: Any) -> str:
    return "–" if value is None else value if isinstance(value, str) else json.dumps(value)


def _curves(choice: Choice, rows: Rows, pinned: str) -> None:
    metric = choice.metric.partition(":")[0]
    losses, scores = {}, {}
    for name, row in rows.items():
        path = services().store.folder(str(row["run"])) / "history.csv"
        if not path.is_file():
            continue
        history = pd.read_csv(path)
        epochs = history["epoch"].astype(float)
        total = next((c for c in ("loss.total", "loss.task") if c in history), None)
        if total:
            losses[name] = list(zip(epochs, history[total], strict=True))
        if f"val.{metric}" in history:
            scores[name] = list(zip(epochs, history[f"val.{metric}"], strict=True))
    if not losses and not scores:
        st.info(say("run.no_curves"))
        return
    left, right = st.columns(2)
    for column, curves, axis in ((left, losses, "axis.loss"), (right, scores, "axis.score")):
        if curves:
            info = lines_info("axis.epoch", axis, curves, {})
            column.plotly_chart(
                lines_figure(info, say, is_dark()), width="stretch", theme=None, key=f"side-{axis}",
                config=PICTURE,
            )  # fmt: skip


def _classes(choice: Choice, rows: Rows, pinned: str) -> None:
    classes = classes_of(choice)
    if not classes:
        st.info(say("side.no_classes"))
        return
    frame = data.models(choice.studies, choice.at).set_index(["run", "name"])
    bars = {}
    for name, row in rows.items():
        one = frame.loc[(row["run"], row["name"])]
        ends = [[one.get(f"{end}.sensitivity:{c}") for end in ("value", "low", "high")]
                for c in classes]  # fmt: skip
        bars[name] = [Bar(*(math.nan if v is None else float(v) for v in e)) for e in ends]
    roles = {name: str(row["role"]) for name, row in rows.items()}
    distinct = len(set(roles.values())) == len(roles)
    info = class_bars_info("sensitivity", classes, bars, roles if distinct else None)
    st.plotly_chart(
        class_bars_figure(info, say, is_dark()), width="stretch", theme=None, key="side-classes",
        config=PICTURE,
    )  # fmt: skip
    st.caption(say("side.classes.about"))


def classes_of(choice: Choice) -> list[str]:
    """Classes that have a sensitivity in these studies."""
    columns = data.models(choice.studies, choice.at).columns
    start = "value.sensitivity:"
    return [str(c).removeprefix(start) for c in columns if str(c).startswith(start)]


def _layers(choice: Choice, rows: Rows, pinned: str) -> None:
    """Where the milliseconds go on the chosen device."""
    if choice.place.device == THIS_MACHINE:
        st.info(say("side.layers.choose"))
        return
    found = {name: _layer_bars(choice, row) for name, row in rows.items()}
    found = {name: bars for name, bars in found.items() if bars}
    if not found:
        st.info(say("side.layers.none"))
        return
    figure = layer_times_figure(layer_times_info(found), say, is_dark())
    st.plotly_chart(figure, width="stretch", theme=None, key="side-layers", config=PICTURE)
    st.caption(say("side.layers.about"))


def _layer_bars(choice: Choice, row: pd.Series) -> list[LayerBar]:
    work = data.works(choice.studies, choice.at).get(str(row["shape"]))
    if work is None:
        return []
    try:
        times = layer_times(work, choice.place.target, data.devices())
    except KDLabError:
        return []
    return [LayerBar(t["name"], t["kind"], t["ms"]) for t in times]


def _advice(choice: Choice, rows: Rows, pinned: str) -> None:
    """What to change in each model that is not the pinned one."""
    said = []
    for name, row in rows.items():
        if name != pinned:
            said += [say(msg) for msg in advice(_evidence(choice, name, row, rows[pinned]))]
    for line in said:
        st.markdown(f"- {line}")
    if not said:
        st.info(say("advice.none"))


def _evidence(choice: Choice, name: str, row: pd.Series, base: pd.Series) -> Evidence:
    record = services().store.record(str(row["run"]))
    trained, settings = record.training, record.settings
    scores, of_base = (
        {c.removeprefix("value."): _float(one[c]) for c in one.index if c.startswith("value.")}
        for one in (row, base)
    )
    bars = _layer_bars(choice, row) if choice.place.device != THIS_MACHINE else []
    total = sum(bar.ms for bar in bars)
    slowest = max(bars, key=lambda bar: bar.ms, default=None)
    return Evidence(
        name=name,
        seeds=int(row["n"]),
        precision=str(row["precision"]),
        int8_on_device=_takes_int8(choice),
        best_epoch=trained.best_epoch if trained else None,
        epochs=settings.train.epochs if trained else None,
        loss_by_class=loss_by_class(of_base, scores, classes_of(choice)),
        slowest=(slowest.name, slowest.ms / total) if slowest and total else None,
    )


def _float(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _takes_int8(choice: Choice) -> bool:
    if choice.place.device == THIS_MACHINE:
        return False
    runtimes = data.devices()[choice.place.device].runtimes
    chosen = next((r for r in runtimes if r.name == choice.place.runtime), None)
    return chosen is not None and "int8" in chosen.precisions
