"""The simulations' figures as Markdown, for the screen and the README."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.statistics_sims import Share

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- simulations -->\n).*?(<!-- simulations end -->)", re.DOTALL)

TITLES = {
    "false_alarms": "Two equally good models, 400 images of 50 patients: share of comparisons with "
    "p ≤ 5 %, by correlation ρ of a patient's images",
    "verdict": "Two equally good methods: share of verdicts that say better or worse",
    "coverage": "Share of 95 % intervals of a score that hold the truth",
    "differences": "Share of 95 % intervals of a difference in accuracy that hold the truth",
    "rare_labels": "Share of 95 % intervals that hold the truth, by how many of 100 patients have "
    "one of three labels; means over labels leave it out where fewer than 5 have it",
    "winners_curse": "The best of equally good models (accuracy 0.9, answers correlated by 0.5): "
    "how many points it looks better than it is",
}


def markdown(found: dict[str, Any]) -> str:
    """All tables with their titles."""
    parts = [f"{found['trials']} trials, {found['repeats']} bootstrap repeats each."]
    for name, title in TITLES.items():
        points = name == "winners_curse"
        parts.append(f"{title}:\n\n{_table(found[name], points)}")
    return "\n\n".join(parts) + "\n"


def write(found: dict[str, Any]) -> None:
    """Put the tables between the README's marks."""
    text = README.read_text(encoding="utf-8")
    made = BLOCK.sub(lambda match: match[1] + markdown(found) + match[2], text)
    README.write_text(made, encoding="utf-8")


def _table(rows: list[dict[str, Any]], points: bool) -> str:
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = (_cell(row.get(name), name, points) for name in names)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _cell(value: Any, name: str, points: bool) -> str:
    if value is None:
        return "–"
    if isinstance(value, Share):
        if points:
            return f"{100 * value.share:.2f} ± {100 * value.error:.2f}"
        return f"{100 * value.share:.1f} ± {100 * value.error:.1f} %"
    if name == "high":
        return f"{100 * value:.1f}"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)
