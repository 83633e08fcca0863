"""What compression really gave: before and after, the truth check, and the path of a chain."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from app import readings, results_stamp
from app.readings import Reading
from app.services import services
from app.texts import entry_title, number, say
from kd_core.compress import COMPRESSORS
from kd_core.compress.presets import REPORTED
from kd_core.study.against import Row, against, numbers
from kd_core.study.records import ModelRecord, RunRecord, TruthRecord
from kd_core.study.results import Result, by_arm, origin_arm, results
from kd_core.text import Msg

ICONS = {
    "good": ":material/check_circle:",
    "note": ":material/info:",
    "warning": ":material/warning:",
}
FACTORS = ("size_ratio", "architecture_factor", "precision_factor", "macs_ratio", "speed_up")


def chains_of(reading: Reading) -> dict[str, list[str]]:
    """Arms of each chain with a finished model, the origin first."""
    arms, found = reading.arms, {}
    for chain in reading.study.settings.chains:
        steps = [arm for arm in arms if arm.startswith(f"{chain.name}/")]
        origin = origin_arm(chain, reading.shown_arms)
        if steps:
            found[chain.name] = ([origin] if origin else []) + sorted(steps, key=_place)
    return found


def _place(arm: str) -> int:
    return int(arm.rpartition("/")[2].partition("-")[0])


def show(reading: Reading) -> None:
    """Everything against the teacher; then each chain: its table, and the truth about each step."""
    chains = chains_of(reading)
    if not chains:
        return
    against_reference(reading)
    results_stamp.show(reading)
    if len(chains) > 1:
        reported()
    for name, arms in chains.items():
        with st.container(border=True):
            st.subheader(name)
            st.dataframe(
                before_after(reading, arms),
                hide_index=True,
                width="stretch",
                column_config=_columns(),
            )
            results_stamp.show(reading)
            _truths(reading, [arm for arm in arms if arm.startswith(f"{name}/")])


def against_reference(reading: Reading) -> None:
    """Every model against the teacher: size, speed, and what it lost."""
    reference = "teacher" if "teacher" in reading.arms else next(iter(reading.arms))
    rows = []
    for row in _against(reading, reference):
        loss = row.verdict
        rows.append(
            {
                "arm": readings.arm_name(row.arm, reading.arms[row.arm]),
                "way": " + ".join(say(f"compress.way.{way}") for way in row.ways),
                "size_ratio": row.size_ratio,
                "remains": 100 / row.size_ratio,
                "speed_up": row.speed_up,
                "difference": _points(loss.difference if loss else None),
                "interval": "–" if loss is None else f"{_points(loss.low)} … {_points(loss.high)}",
                "verdict": "–" if loss is None else say(f"compress.verdict.{loss.kind}"),
                "seeds": row.seeds,
            }
        )
    st.dataframe(
        pd.DataFrame(rows), hide_index=True, width="stretch", column_config=_against_columns()
    )
    st.caption(
        say("compress.against.about", name=readings.arm_name(reference, reading.arms[reference]))
    )


def reported() -> None:
    """Published figures of the same question, apart from ours."""
    rows = [
        {
            "source": found.source,
            "images": found.images,
            "remains": " / ".join(number(share, "percent") for share in found.remains),
            "speed_up": found.speed_up,
            "difference": _points(-found.drop),
        }
        for found in REPORTED
    ]
    st.markdown(f"**{say('compress.reported')}**")
    columns = _against_columns()
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        column_config={
            **{name: columns[name] for name in ("speed_up", "difference")},
            **{name: say(f"compress.column.{name}") for name in ("source", "images", "remains")},
        },
    )
    st.caption(say("compress.reported.about"))


def _against(reading: Reading, reference: str) -> list[Row]:
    runs = tuple(sorted(result.run.id for result in reading.results))
    return _rows_against(
        reading.study.id, runs, reference, reading.metric, reading.part, reading.opened
    )


@st.cache_data(show_spinner=False, max_entries=50)
def _rows_against(
    study_id: str, runs: tuple[str, ...], reference: str, metric: str, part: str, opened: bool
) -> list[Row]:
    store = services().store
    settings = store.study(study_id).settings
    return against(
        by_arm(results(store, study_id)),
        reference,
        metric,
        chains=settings.chains,
        part=part,
        margin=settings.margin,
        opened=opened,
    )


def _points(value: float | None) -> str:
    """A difference of scores in points, with its sign."""
    if value is None:
        return "–"
    sign = "+" if value > 0 else ""
    return sign + number(value, "points")


def _against_columns() -> dict[str, Any]:
    figures = {"size_ratio": "%.2f ×", "remains": "%.1f %%", "speed_up": "%.2f ×"}
    texts = ("arm", "way", "difference", "interval", "verdict", "seeds")
    return {
        **{name: say(f"compress.column.{name}") for name in texts},
        **{
            name: st.column_config.NumberColumn(say(f"compress.column.{name}"), format=shape)
            for name, shape in figures.items()
        },
    }


def before_after(reading: Reading, arms: Sequence[str]) -> pd.DataFrame:
    """One row a model from the origin on; a mean over seeds where there are several.

    Times are those that were measured in turns with the origin, so they can be compared.
    """
    rows = []
    told = [numbers(result) for arm in arms for result in reading.arms[arm]]
    begun = [ms for one in told if (ms := one.get("origin_latency_ms")) is not None]
    for arm in arms:
        group = reading.arms[arm]
        first, about = group[0].model, readings.arm_summary(reading, group)
        own = [ms for r in group if (ms := numbers(r).get("latency_ms")) is not None]
        times = own if first.role == "compressed" else begun
        rows.append(
            {
                "step": _step_name(group[0]),
                "value": about["mean"],
                "low": about["low"] if about["n"] == 1 else None,
                "high": about["high"] if about["n"] == 1 else None,
                "sd": about["sd"] if about["n"] > 1 else None,
                "size_mb": about["size"] / 1e6,
                "gzip_mb": None if first.gzip_bytes is None else first.gzip_bytes / 1e6,
                "params_m": None if first.params is None else first.params / 1e6,
                "nonzero_m": None if first.nonzero is None else first.nonzero / 1e6,
                "macs_m": None if first.macs is None else first.macs / 1e6,
                "latency_ms": statistics.median(times) if times else about["latency"],
                "precision": first.precision,
            }
        )
    table = pd.DataFrame(rows)
    return table.dropna(axis="columns", how="all")


def _columns() -> dict[str, Any]:
    text = {name: st.column_config.Column(say(f"column.{name}")) for name in ("step", "precision")}
    names = ("value", "low", "high", "sd", "size_mb", "gzip_mb", "params_m", "nonzero_m", "macs_m")
    figures = {
        name: st.column_config.NumberColumn(say(f"column.{name}"), format="%.3f")
        for name in (*names, "latency_ms")
    }
    return {**text, **figures}


def _step_name(result: Result) -> str:
    if result.model.role != "compressed":
        return readings.arm_name(result.arm, [result])
    return f"{result.model.step} · {entry_title(COMPRESSORS, result.model.method)}"


def _truths(reading: Reading, arms: Sequence[str]) -> None:
    """The truth about each step, of one seed."""
    if not arms:
        return
    seeds = [result.run.seed for result in reading.arms[arms[0]]]
    seed = seeds[0]
    if len(seeds) > 1:
        key = f"truth-seed-{arms[0]}"
        seed = st.segmented_control(
            say("compress.seed"), seeds, default=seed, required=True, key=key
        )
    for tab, arm in zip(st.tabs([_step_name(reading.arms[a][0]) for a in arms]), arms, strict=True):
        found = [result for result in reading.arms[arm] if result.run.seed == seed]
        with tab:
            for result in found:
                truth(services().store.record(result.run.id), result)


def truth(record: RunRecord, result: Result) -> None:
    """What the truth check says of one model, and what its method wrote down."""
    model = next(model for model in record.models if model.name == result.model.name)
    if model.truth is not None:
        for finding in model.truth.findings:
            st.markdown(f"{ICONS[finding.level]} {say(Msg.from_json(finding.msg))}")
        _factors(model.truth)
        _classes(model.truth)
    _facts(result, model)


def _factors(truth: TruthRecord) -> None:
    known = [name for name in FACTORS if truth.numbers.get(name) is not None]
    for column, name in zip(st.columns(len(FACTORS)), known, strict=False):
        value = truth.numbers[name]
        column.metric(
            say(f"compress.factor.{name}"),
            "–" if value is None else f"{number(round(value, 2), 'number')} ×",
            help=say(f"compress.factor.{name}.help"),
        )


def _classes(truth: TruthRecord) -> None:
    rows = [
        {"class": name, "before": before, "after": after}
        for name, (before, after) in truth.classes.items()
    ]
    if not rows:
        return
    with st.expander(say("compress.classes"), icon=":material/groups:"):
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={
                "class": say("compress.class"),
                "before": st.column_config.NumberColumn(say("compress.before"), format="%.3f"),
                "after": st.column_config.NumberColumn(say("compress.after"), format="%.3f"),
            },
        )


def _facts(result: Result, model: ModelRecord) -> None:
    path = result.folder / "models" / model.name / "facts.json"
    if not path.is_file():
        return
    kept = json.loads(path.read_text(encoding="utf-8"))
    for note in kept["notes"]:
        st.markdown(f"{ICONS['note']} {say(Msg.from_json(note))}")
    tables = {
        name: value
        for name, value in kept["facts"].items()
        if isinstance(value, list) and value and all(isinstance(row, dict) for row in value)
    }
    with st.expander(say("compress.facts"), icon=":material/layers:"):
        for name, rows in tables.items():
            st.caption(name)
            st.dataframe(pd.DataFrame(rows), hide_index=True, height=260)
        rest = {name: value for name, value in kept["facts"].items() if name not in tables}
        st.json({"params": kept["params"], **rest}, expanded=not tables)


def pace_s(record: RunRecord) -> float | None:
    """Seconds of one training step of a finished run."""
    trained = record.training or next(
        (model.training for model in reversed(record.models) if model.training), None
    )
    return trained.seconds / trained.steps if trained and trained.steps else None
