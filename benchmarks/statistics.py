"""Whether the statistics keep what they promise: false alarms, coverage, the winner's curse.

``python -m benchmarks.statistics [--quick | --trials N] [--json] [--write]``

All data are simulated, so the truth is known. Every figure comes with the simulation's own
standard error. ``--quick`` takes about a minute, the whole about ten on one core;
``--write`` puts the tables into the README.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

from benchmarks.statistics_rare import rare_labels
from benchmarks.statistics_sims import (
    Share,
    Size,
    coverage,
    coverage_of_differences,
    false_alarms,
    verdict_alarms,
    winners,
)
from benchmarks.statistics_tables import markdown, write

FULL, QUICK = Size(trials=400, repeats=400), Size(trials=40, repeats=200)


def main() -> None:
    """Simulate and print."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.statistics")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--quick", action="store_true", help="fewer trials, about a minute")
    parser.add_argument("--trials", type=int, help="trials of each simulation, such as 150")
    parser.add_argument("--write", action="store_true", help="write the tables into the README")
    options = parser.parse_args()
    size = QUICK if options.quick else FULL
    if options.trials:
        size = Size(trials=options.trials, repeats=size.repeats)
    found = simulate(size)
    if options.write:
        write(found)
    if options.json:
        print(json.dumps(_plain(found), indent=1))
    else:
        print(markdown(found))


def simulate(size: Size) -> dict[str, Any]:
    """All simulations of one size."""
    return {
        "trials": size.trials,
        "repeats": size.repeats,
        "false_alarms": false_alarms(size),
        "verdict": verdict_alarms(size),
        "coverage": coverage(size),
        "differences": coverage_of_differences(size),
        "rare_labels": rare_labels(size),
        "winners_curse": winners(size),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Share):
        return {"share": round(value.share, 4), "error": round(value.error, 4)}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


if __name__ == "__main__":
    main()
