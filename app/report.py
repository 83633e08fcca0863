"""A study as one HTML page that needs nothing else: what was done, and what came out."""

from __future__ import annotations

import html
import json

from app import readings
from app.readings import Reading
from app.texts import language, number, say
from kd_core.figures import trade_off_figure, trade_off_info
from kd_core.study.graph import stored_views

_PAGE = """<!doctype html><html lang="{language}"><head><meta charset="utf-8">
<title>{title}</title><style>
body {{font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem}}
table {{border-collapse: collapse; width: 100%}} td, th {{padding: .3rem .6rem; text-align: right;
border-bottom: 1px solid #ddd}} td:first-child, th:first-child {{text-align: left}}
pre {{background: #f5f5f5; padding: 1rem; overflow: auto}}
</style></head><body><h1>{title}</h1>{body}</body></html>"""


def make_report(reading: Reading) -> str:
    """The report of a study on the part that is looked at."""
    title = html.escape(reading.study.name)
    body = "".join((_methods(reading), _verdicts(reading), _table(reading), _figure(reading)))
    settings = html.escape(json.dumps(reading.study.settings.to_json(), indent=2))
    body += f"<h2>{say('distil.configuration')}</h2><pre>{settings}</pre>"
    return _PAGE.format(language=language(), title=title, body=body)


def _methods(reading: Reading) -> str:
    study = reading.study.settings
    views = stored_views(study)
    text = say(
        "results.protocol",
        data=study.data.dataset,
        hash=reading.study.data_hash[:10],
        size=study.data.size,
        epochs=study.train.epochs,
        views=say("results.views.live") if views is None else say("results.views.k", k=views),
        seeds=len(study.seeds),
    )
    part = say(f"part.{reading.part}") if reading.part in ("val", "test") else reading.part
    return f"<p>{html.escape(text)}</p><p>{html.escape(say('report.part', part=part))}</p>"


def _verdicts(reading: Reading) -> str:
    arms = reading.arms
    lines = []
    for arm, group in arms.items():
        if group[0].model.role != "student":
            continue
        for other in ("baseline", "teacher"):
            if other in arms:
                found = say(readings.verdict(reading, arm, other).msg)
                against = say("results.against", arm=arm, other=say(f"role.{other}"))
                lines.append(f"<li><b>{html.escape(against)}</b> {html.escape(found)}</li>")
    return f"<ul>{''.join(lines)}</ul>"


def _table(reading: Reading) -> str:
    rows = []
    for point in readings.points(reading):
        cells = [
            html.escape(point.label),
            number(point.value, "score"),
            f"{number(point.low, 'score')} – {number(point.high, 'score')}",
            number(point.size_bytes, "bytes"),
            number(point.latency_ms, "ms"),
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    names = ("key", "value", "interval", "size_mb", "latency_ms")
    head = "".join(f"<th>{html.escape(say(f'column.{name}'))}</th>" for name in names)
    return f"<table><tr>{head}</tr>{''.join(rows)}</table>"


def _figure(reading: Reading) -> str:
    info = trade_off_info(readings.points(reading), "size_bytes", reading.metric)
    figure = trade_off_figure(info, say)
    return str(figure.to_html(full_html=False, include_plotlyjs=True))
