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
import re
import sys
from pathlib import Path
from typing import Any

from kd_core.latency.estimate_known import load_fit
from kd_core.latency.evidence import rows
from kd_core.latency.fit import fit_all
from kd_core.latency.fit_report import report, stored, unpacked
from kd_core.latency.fit_transfer import derived, summary

README = Path(__file__).resolve().parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- estimates -->\n).*?(<!-- estimates end -->)", re.DOTALL)
FEWEST = 20


def main() -> None:
    """Hold out, predict, print."""
    parser = argparse.ArgumentParser(description=__doc__, prog="benchmarks.latency_estimates")
    parser.add_argument("--json", action="store_true", help="one JSON object and nothing else")
    parser.add_argument("--stored", action="store_true", help="sum up the shipped predictions")
    parser.add_argument("--write", action="store_true", help="put the table into the README")
    parser.add_argument("--groups", nargs="*", help="only these, such as 'ncnn|int8|cpu'")
    options = parser.parse_args()
    held = stored() if options.stored else fresh(options.groups)
    if options.groups:
        held = {key: each for key, each in held.items() if key in options.groups}
    figures = _plain(report(held) | ({} if options.groups else {"derived": transfer()}))
    if options.write:
        text = README.read_text(encoding="utf-8")
        new = BLOCK.sub(lambda match: match[1] + table(figures) + match[2], text)
        README.write_text(new, encoding="utf-8")
    if options.json:
        print(json.dumps(figures, indent=1))
    else:
        _show(figures)


def table(figures: dict[str, Any]) -> str:
    """A Markdown table of the groups with twenty held-out times or more, and of all together."""
    names = ("network", "within_20", "family", "coverage", "noise_floor", "aim")
    rows = [
        "| runtime, format, unit | times | network held out | within ±20 % | family held out "
        "| inside the band | published times differ by | aim |",
        "|---" * 8 + "|",
    ]
    groups = {key: g for key, g in figures["groups"].items() if g["network"]["n"] >= FEWEST}
    for key, each in [*groups.items(), ("all", figures["overall"])]:
        network, family = each["network"], each["family"]
        found = {
            "network": network.get("median_error"),
            "within_20": network.get("within_20"),
            "family": family.get("median_error"),
            "coverage": each["coverage"],
            "noise_floor": each.get("noise_floor"),
            "aim": each.get("aim"),
        }
        cells = [_percent(found[name]) for name in names]
        rows.append(f"| {key.replace('|', ', ')} | {network['n']:,} | {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


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
    names = f"{'network':>8} {'±20 %':>6} {'family':>7} {'inside':>7} {'noise':>6} aim"
    head = f"{'group':40} {'points':>7} {names}"
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
    noise = "" if each.get("noise_floor") is None else f"{each['noise_floor']:.3f}"
    figures = f"{median} {within} {of_family} {share:>7} {noise:>6} {each.get('aim', '')}"
    return f"{key:40} {network['n']:7} {figures}"


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
