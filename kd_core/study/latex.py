"""Results as LaTeX tables (booktabs), with what ± means in the caption."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import pandas as pd

from kd_core.evaluate.verdict import metric_msg
from kd_core.study.methods_facts import ArmFacts, MethodFacts
from kd_core.study.stamp import where_msg
from kd_core.text import Msg

Say = Callable[[Msg], str]

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "×": r"$\times$", "–": "--", "±": r"$\pm$", "α": r"$\alpha$", "·": r"$\cdot$", "′": "'",
    "−": "$-$",
}  # fmt: skip
MAX_ROWS = 40


def escape(text: object) -> str:
    r"""Text that LaTeX sets as it stands.

    >>> escape("INT8 & 4.7× smaller_net")
    'INT8 \\& 4.7$\\times$ smaller\\_net'
    >>> escape("−0.5")
    '$-$0.5'
    """
    pattern = "|".join(map(re.escape, _SPECIAL))
    return re.sub(pattern, lambda found: _SPECIAL[found[0]], str(text))


def latex_table(models: pd.DataFrame, metric: str, say: Say) -> str:
    """A table of candidates: network, score, latency with its band, file.

    Args:
        models: With the columns of ``study.budget.candidates`` and the costs joined.
        metric: Title of the metric.
        say: Renders messages.
    """
    shown = models.head(MAX_ROWS)
    head = ["model", "seeds", "score", "latency", "speed_up", "size"]
    titles = [metric if name == "score" else say(Msg(f"latex.{name}")) for name in head]
    body = [" & ".join(_cells(row)) + r" \\" for _, row in shown.iterrows()]
    fields = {"shown": len(shown), "n": len(models)}
    caption = say(Msg("latex.caption", {"metric": metric, **fields}))
    return _table("lrrrrr", caption, titles, body)


def _table(columns: str, caption: str, titles: Sequence[str], body: Sequence[str]) -> str:
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            " & ".join(escape(title) for title in titles) + r" \\",
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def latex_results(facts: MethodFacts, stamp: Msg, say: Say) -> str:
    """A table of a study's arms: score with its interval, difference and verdict.

    Args:
        facts: Figures and verdicts.
        stamp: The protocol stamp, which goes into the caption.
        say: Renders messages.
    """
    metric = say(Msg(f"metric.{facts.metric}.title"))
    fields = {
        "metric": metric_msg(facts.metric, facts.left_out),
        "where": where_msg(facts.part),
        "basis": facts.basis,
        "stamp": stamp,
    }
    caption = say(Msg("latex.results.caption", fields))
    names = ("difference", "p", "verdict")
    titles = [say(Msg("latex.model")), say(Msg("latex.seeds")), metric]
    titles += [say(Msg(f"latex.results.{name}")) for name in names]
    body = [" & ".join(_arm_cells(arm, say)) + r" \\" for arm in facts.arms]
    return _table("lrrrrl", caption, titles, body)


def _arm_cells(arm: ArmFacts, say: Say) -> list[str]:
    role = arm.role in ("teacher", "baseline")
    name = say(Msg(f"role.{arm.role}")) if role else arm.arm
    score, verdict = arm.score, arm.verdict
    cells = [escape(name), str(arm.seeds), _with_interval(score.value, score.low, score.high)]
    if verdict is None:
        return [*cells, "--", "--", "--"]
    ends = f" $[{100 * verdict.low:+.1f}, {100 * verdict.high:+.1f}]$"
    small = "$<0.001$" if arm.p_holm < 0.001 else f"{arm.p_holm:.3f}"
    p = "--" if math.isnan(arm.p_holm) else small
    word = say(Msg(f"latex.verdict.{verdict.kind}"))
    known = ends if math.isfinite(verdict.low) else ""
    return [*cells, f"${100 * verdict.difference:+.1f}${known}", p, escape(word)]


def _with_interval(value: float, low: float, high: float) -> str:
    """``mean ± half width`` where the interval lies about evenly, else both ends."""
    if not math.isfinite(low):
        return "--" if math.isnan(value) else f"{value:.3f}"
    down, up = value - low, high - value
    if abs(down - up) <= 0.2 * (down + up):
        return rf"${value:.3f} \pm {(high - low) / 2:.3f}$"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def _cells(row: pd.Series) -> list[str]:
    name = f"{row['arm']} ({row['architecture']})"
    if row["name"] != "model":
        name = f"{row['arm']}, {row['name']} ({row['architecture']})"
    return [
        escape(name),
        str(int(row["n"])),
        _score(row),
        _latency(row),
        rf"{row['speed_up']:.2g}$\times$" if math.isfinite(row["speed_up"]) else "--",
        f"{row['size_bytes'] / 1e6:.2f}",
    ]


def _score(row: pd.Series) -> str:
    if row["n"] > 1:
        return rf"${row['value']:.3f} \pm {row['sd']:.3f}$"
    if math.isfinite(row["low"]):
        return f"{row['value']:.3f} [{row['low']:.3f}, {row['high']:.3f}]"
    return f"{row['value']:.3f}"


def _latency(row: pd.Series) -> str:
    """One figure where it was measured, the band where it is estimated."""
    if row["source"] == "measured":
        return f"{row['latency_ms']:.2g}"
    if row["source"] == "estimated":
        return f"{row['low_ms']:.2g}--{row['high_ms']:.2g} ({row['tier']})"
    return "--"
