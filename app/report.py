"""A study as one HTML page that opens offline: question, data, protocol, results, limits, card."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go
import streamlit as st
from plotly.offline import get_plotlyjs

from app import readings, results_points, results_stamp, results_write
from app.readings import Reading
from app.services import services
from app.texts import language_tag, number, say
from kd_core.errors import KDLabError
from kd_core.evaluate import METRICS
from kd_core.figures import (
    Bar,
    SeedValue,
    class_bars_figure,
    class_bars_info,
    seeds_figure,
    seeds_info,
    trade_off_figure,
    trade_off_info,
)
from kd_core.study import report_html as to_html
from kd_core.study.methods_text import methods
from kd_core.study.report import Facts, Group, deployable, study_facts
from kd_core.study.rows import StudyRow

CONFIG = {"displaylogo": False, "toImageButtonOptions": {"format": "svg"}}


def offer_report(study: StudyRow, metric: str, lines: Sequence[str] = ()) -> None:
    """A button for the report of one study on validation images.

    Args:
        study: The study.
        metric: The accuracy axis; the study's own where it is empty.
        lines: The recommendation in words, where there is one.
    """

    def made() -> str:
        _, found = readings.read_study(study.id)
        names = readings.metric_names(found[0])
        chosen = metric if metric in names else names[0]
        return make_report(Reading(study, found, "val", chosen), lines)

    st.download_button(
        say("report.offer", name=study.name),
        made,
        f"report-{study.id}.html",
        "text/html",
        icon=":material/description:",
        key=f"report-{study.id}",
        type="primary",
    )


def make_report(reading: Reading, lines: Sequence[str] = ()) -> str:
    """The report of a study on the part that is looked at; no image of the data is in it."""
    facts = study_facts(
        services().store, reading.study, reading.results, reading.metric, reading.part
    )
    sections = {
        say("report.question"): _question(facts, lines),
        say("report.data"): _data(facts),
        say("report.protocol"): _protocol(facts),
        say("report.results"): _results(reading, facts),
        say("report.methods"): _methods(reading),
        say("report.figures"): _figures(reading, facts),
        say("report.limits"): to_html.items([say(limit) for limit in facts.limits]),
        say("report.card"): _card(facts),
        say("report.configuration"): to_html.code(
            json.dumps(facts.study.settings.to_json(), indent=1)
        ),
        say("report.environment"): _environments(facts),
        say("report.hashes"): _hashes(facts),
    }
    when = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    return to_html.page(
        facts.study.name,
        language_tag(),
        sections,
        script=get_plotlyjs(),
        about=say("report.about", when=when, part=_part(facts.part), study=facts.study.id),
    )


def _part(part: str) -> str:
    return say(f"part.{part}") if part in ("val", "test") else part.removeprefix("external-")


# --- what was asked and done --------------------------------------------------------------------


def _question(facts: Facts, lines: Sequence[str]) -> str:
    settings = facts.study.settings
    teacher = settings.teacher.model.name if not settings.teacher.run else settings.teacher.run
    asked = say(
        "report.asked",
        student=settings.student.name,
        teacher=teacher,
        data=facts.data.name,
        metric=say(f"metric.{facts.metric}.title"),
        margin=settings.margin,
    )
    answers = [
        f"**{_name(group)}**: {say(group.verdict.msg)}" for group in facts.groups if group.verdict
    ]
    recommended = ""
    if lines:
        recommended = f"<h3>{say('report.recommendation')}</h3>" + to_html.items(lines)
    return to_html.paragraph(asked) + to_html.items(answers) + recommended


def _name(group: Group) -> str:
    role = group.first.model.role
    name = say(f"role.{role}") if role in ("teacher", "baseline") else group.arm
    return name if group.first.model.step == 0 else f"{name}, {group.name}"


def _data(facts: Facts) -> str:
    data = facts.data
    counts = [
        say("report.count", part=_part(name) if name != "train" else say("part.train"), n=n)
        for name, n in data.counts.items()
    ]
    rows = [
        [say("report.data.name"), data.name],
        [say("report.data.hash"), data.hash],
        [say("report.data.task"), say(f"task.{data.task}.title")],
        [say("report.data.classes"), ", ".join(data.classes)],
        [say("report.data.images"), ", ".join(counts)],
        [say("report.data.patients"), number(facts.patients, "int")],
        [say("report.data.size"), f"{data.size} × {data.size} px, {data.channels}"],
        [say("report.data.externals"), ", ".join(data.externals) or "–"],
    ]
    note = to_html.paragraph(say("data.synthetic"), note=True) if data.synthetic else ""
    return to_html.table(["", ""], rows, text_columns=2) + note


def _protocol(facts: Facts) -> str:
    rows = [[say(f"protocol.{name}"), str(value)] for name, value in facts.protocol.items()
            if value is not None and name not in ("data_hash", "dataset")]  # fmt: skip
    rows.append([say("report.seeds"), ", ".join(map(str, facts.study.settings.seeds))])
    text = to_html.paragraph(say("report.protocol.about"))
    return text + to_html.table(["", ""], rows, text_columns=2)


def _methods(reading: Reading) -> str:
    """The paragraph that can be pasted into a paper, and the stamp."""
    try:
        said = " ".join(say(msg) for msg in methods(results_write.facts_of(reading)))
    except KDLabError as error:  # a model without predictions of this part
        said = say(error.msg)
    stamp = say(results_stamp.stamp(reading).msg)
    return to_html.paragraph(said) + to_html.paragraph(stamp, note=True)


# --- what came out ------------------------------------------------------------------------------


def _results(reading: Reading, facts: Facts) -> str:
    names = ("model", "network", "seeds", "score", "interval", "size", "params", "macs", "latency")
    head = [say(f"report.column.{name}") for name in names]
    head[3] = say(f"metric.{facts.metric}.title")
    rows = [_row(reading, group) for group in facts.groups]
    caption = say("report.results.about", cpus=list(facts.cpus) or ["–"])
    return to_html.table(head, rows, text_columns=2) + to_html.paragraph(caption, note=True)


def _row(reading: Reading, group: Group) -> list[str]:
    model, spread = group.first.model, group.spread
    one = reading.score(group.first)
    times = [m.latency_ms_p50 for r in group.members if (m := r.latency()) is not None]
    score = number(spread.mean, "score")
    ends = [one.low, one.high] if spread.n == 1 else group.interval
    return [
        _name(group),
        model.architecture,
        str(spread.n),
        f"{score} ± {number(spread.sd, 'score')}" if spread.n > 1 else score,
        f"{number(ends[0], 'score')} – {number(ends[1], 'score')}",
        number(model.size_bytes, "bytes"),
        number(model.params, "int"),
        number(None if model.macs is None else model.macs / 1e6, "number"),
        number(sorted(times)[len(times) // 2] if times else None, "ms"),
    ]


def _figures(reading: Reading, facts: Facts) -> str:
    points = results_points.points(reading)
    higher = METRICS[reading.metric].higher_is_better
    shown: list[tuple[go.Figure, str]] = []
    apart = results_stamp.unranked(reading) if reading.part == "val" else tuple(reading.arms)
    for x, area in (("size_bytes", "latency_ms"), ("latency_ms", "size_bytes")):
        info = trade_off_info(
            points,
            x,  # type: ignore[arg-type]
            reading.metric,
            higher_is_better=higher,
            area=area,  # type: ignore[arg-type]
            unranked=apart,
        )
        if info.points:
            caption = say("results.trade_off.caption", area=say(f"axis.{area}.short"))
            shown.append((trade_off_figure(info, say), caption))
    values = [
        SeedValue(r.arm, r.model.role, r.run.seed, float(s))
        for r in reading.results
        if r.model.step == 0 and (s := reading.score(r).value) is not None
    ]
    if len({v.seed for v in values}) > 1:
        seeds = seeds_figure(seeds_info(values, reading.metric), say)
        shown.append((seeds, say("report.figure.seeds")))
    classes = _classes(reading, facts)
    if classes is not None:
        shown.append((classes, say("report.figure.classes")))
    stamp = say(results_stamp.stamp(reading).msg)
    return "".join(_drawn(figure, f"{caption} {stamp}") for figure, caption in shown)


def _classes(reading: Reading, facts: Facts) -> go.Figure | None:
    bars: dict[str, list[Bar]] = {}
    for group in facts.groups[:6]:
        scores = reading.scores(group.first)
        found: list[Any] = [scores.get(f"sensitivity:{name}") for name in facts.data.classes]
        if any(score is None for score in found):
            return None
        ends = [(s.value, s.low, s.high) for s in found]
        bars[_name(group)] = [Bar(*(math.nan if v is None else v for v in e)) for e in ends]
    return class_bars_figure(class_bars_info("sensitivity", facts.data.classes, bars), say)


def _drawn(figure: go.Figure, caption: str) -> str:
    figure.update_layout(paper_bgcolor="#fff", plot_bgcolor="#fff")
    markup = figure.to_html(full_html=False, include_plotlyjs=False, config=CONFIG)
    return to_html.figure(str(markup), caption)


# --- what it rests on ---------------------------------------------------------------------------


def _card(facts: Facts) -> str:
    """The model card of the best small model."""
    group = deployable(facts)
    model = group.first.model
    rows = [
        [say("report.card.model"), f"{_name(group)} ({model.architecture}, {model.precision})"],
        [say("report.card.file"), f"{number(model.size_bytes, 'bytes')}, sha256 {model.sha256}"],
        [say("report.card.run"), f"{group.first.run.key} ({group.first.run.id})"],
        [say("report.card.input"), say("report.card.input.text", size=facts.data.size)],
        [say("report.card.output"), ", ".join(facts.data.classes)],
        [say("report.card.trained"), f"{facts.data.name} ({facts.data.hash[:12]}…)"],
        [say("report.card.score"), number(group.spread.mean, "score")],
        [say("report.card.use"), say("report.card.use.text")],
        [say("report.card.not"), say("report.card.not.text")],
        [say("report.card.groups"), say("report.card.groups.text")],
    ]
    return to_html.table(["", ""], rows, text_columns=2)


def _environments(facts: Facts) -> str:
    return "".join(
        to_html.paragraph(", ".join(keys), note=True) + to_html.code(json.dumps(found, indent=1))
        for found, keys in facts.environments
    )


def _hashes(facts: Facts) -> str:
    head = [say(f"report.hash.{name}") for name in ("run", "config", "model", "file")]
    return to_html.table(head, [list(row) for row in facts.hashes], text_columns=4)
