"""Results as a LaTeX table (booktabs), with what ± means in its caption."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import pandas as pd

from kd_core.text import Msg

Say = Callable[[Msg], str]

_SPECIAL = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "{": r"\{", "}": r"\}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "×": r"$\times$", "–": "--", "±": r"$\pm$", "α": r"$\alpha$", "·": r"$\cdot$", "′": "'",
}  # fmt: skip
MAX_ROWS = 40


def escape(text: object) -> str:
    r"""Text that LaTeX sets as it stands.

    >>> escape("INT8 & 4.7× smaller_net")
    'INT8 \\& 4.7$\\times$ smaller\\_net'
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
    return "\n".join(
        [
            r"% \usepackage{booktabs}",
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escape(caption)}}}",
            r"\begin{tabular}{lrrrrr}",
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
