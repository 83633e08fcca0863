"""How good the latency estimates are, on published times that the fit did not see.

``python -m benchmarks.latency_estimates --json``

Every network, then every family of networks, then every device is held out in turn, predicted and
compared; an error is |predicted / published − 1|. With ``--stored`` the predictions that ship with
the package are summed up, which takes seconds; without, everything is fitted anew.

``derived`` tells how often the bands hold of what is taken from another runtime, from other threads
or from a data sheet, when a listed device or its runtime is hidden from the fit that ships.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from kd_core.latency.estimate_known import load_fit
from kd_core.latency.evidence import rows
from kd_core.latency.fit import fit_all
from kd_core.latency.fit_report import report, stored, unpacked
from kd_core.latency.fit_transfer import derived, summary


def main() -> None:
    """Hold out, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.latency_estimates")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--stored", action="store_true", help="sum up the shipped predictions")
    parser.add_argument("--groups", nargs="*", help="only these, such as 'ncnn|int8|cpu'")
    options = parser.parse_args()
    held = stored() if options.stored else fresh(options.groups)
    if options.groups:
        held = {key: each for key, each in held.items() if key in options.groups}
    figures = _plain(report(held) | ({} if options.groups else {"derived": transfer()}))
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        _show(figures)


def transfer() -> dict[str, dict[str, float]]:
    """How often the bands of tiers B and C hold, for listed devices that were hidden."""
    return summary(derived(load_fit(), rows()))


def fresh(groups: list[str] | None) -> dict[str, dict[str, Any]]:
    """Fit everything anew and return what was held out."""
    _, packed = fit_all(rows(), groups)
    return {
        key: {
            "network": unpacked(each["network"]),
            "family": unpacked(each["family"]),
            "new_device": {int(n): unpacked(held) for n, held in each["new_device"].items()},
        }
        for key, each in packed.items()
    }


def _show(figures: dict[str, Any]) -> None:
    head = f"{'group':30} {'points':>7} {'network':>8} {'±20 %':>6} {'family':>7} {'inside':>7} aim"
    print(head)
    for key, each in figures["groups"].items():
        print(_line(key, each))
    print(_line("overall", figures["overall"]))
    for count, each in figures["new_device"].items():
        print(f"new device, {count} measured: {each.get('median_error')} (n = {each['n']})")
    for how, each in figures.get("derived", {}).items():
        print(
            f"derived ({how}): {each['median_error']}, inside {each['coverage']} (n = {each['n']})"
        )
    print("noise floor:", figures["noise_floor"], file=sys.stdout)
    for each in figures["worst_networks"]:
        print(f"{each['network']:32} {each['median_error']:.2f} bias {each['bias']:+.2f}")


def _line(key: str, each: dict[str, Any]) -> str:
    network, family = each["network"], each["family"]
    inside = each["coverage"]
    share = "–" if inside is None else f"{inside:.2f}"
    median = f"{network.get('median_error', float('nan')):8.3f}"
    within = f"{network.get('within_20', float('nan')):6.2f}"
    of_family = f"{family.get('median_error', float('nan')):7.3f}"
    return (
        f"{key:30} {network['n']:7} {median} {within} {of_family} {share:>7} {each.get('aim', '')}"
    )


def _plain(value: Any) -> Any:
    """JSON without NaN, figures with four digits."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return None if value != value else float(f"{value:.4g}")
    return value


if __name__ == "__main__":
    main()
