"""From the published figures to the numbers that ship: ``python -m kd_core.latency.fit``.

Reads ``rows.csv.gz`` and ``networks.json.gz`` of the package's data and writes ``fit.json``, the
same bytes each time, and ``errors.json.gz``, every held-out prediction.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, replace
from itertools import product, starmap
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.latency.evidence import DATA, Row, rows
from kd_core.latency.fit_bands import band_of, features_of, scales
from kd_core.latency.fit_check import (
    Held,
    errors,
    family_of,
    held_out,
    new_device,
)
from kd_core.latency.fit_data import group_key, grouped
from kd_core.latency.fit_model import Form
from kd_core.latency.fit_solve import Block, Group, fit_group

VERSION = 1
FORMS = tuple(starmap(Form, product((1, 3), (False, True), (False, True))))
CONVERTS = ("torch_compile",)
"""Runtimes that bring the weights of convolutions into their own order at every call."""
KIND_SPREADS = (0.3, 0.0, 0.8, 2.0)
OWN_KINDS = 60
"""Networks of a configuration from which on it has kinds of its own."""
"""How much kinds may differ: the value with the smallest held-out error is taken in each group."""
FEWEST_POINTS = 6
NEW_DEVICE = (0, 1, 2, 3, 5)
LEAST_DEVICES = 6
LARGE_BATCH = 8


def main() -> None:
    """Fit everything and write it."""
    parser = argparse.ArgumentParser(description=__doc__, prog="kd_core.latency.fit")
    parser.add_argument("--to", type=Path, default=DATA)
    parser.add_argument("--groups", nargs="*", help="fit only these anew, such as 'ncnn|int8|cpu'")
    options = parser.parse_args()
    known, held = fit_all(rows(), options.groups)
    if options.groups:
        known, held = _merged(options.to, known, held)
    options.to.mkdir(parents=True, exist_ok=True)
    text = json.dumps(known, indent=0, sort_keys=True) + "\n"
    (options.to / "fit.json").write_text(text, encoding="utf-8")
    packed = json.dumps(held, separators=(",", ":"), sort_keys=True).encode()
    (options.to / "errors.json.gz").write_bytes(gzip.compress(packed, mtime=0))


def _merged(
    folder: Path, known: dict[str, Any], held: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is there already, with some groups replaced."""
    old = json.loads((folder / "fit.json").read_text(encoding="utf-8"))
    old_held = json.loads(gzip.decompress((folder / "errors.json.gz").read_bytes()))
    for part in ("groups", "configurations"):
        old[part] |= known[part]
    return old, old_held | held


def fit_all(
    published: Iterable[Row], only: list[str] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters, and the held-out predictions behind their bands."""
    published = list(published)
    counts = Counter(row.configuration for row in published)
    known: dict[str, Any] = {"version": VERSION, "groups": {}, "configurations": {}}
    held: dict[str, Any] = {}
    for key, block in sorted(split(grouped(published)).items()):
        points = int(block.have.sum())
        if points < FEWEST_POINTS or (only and key not in only):
            continue
        began = time.perf_counter()
        block, group, spread, by_network = best(block, key.partition("|")[0] in CONVERTS)
        by_family = held_out(block, group, spread, family_of)
        fresh = {}
        if len({name.partition("|")[0] for name in block.configurations}) >= LEAST_DEVICES:
            fresh = new_device(block, group, spread, NEW_DEVICE)
        known["groups"][key] = _group(block, group, spread, by_network, by_family, fresh)
        found = _configurations(key, block, group, by_network, counts)
        # numbers with kinds of their own come later in the order of the keys and replace these
        known["configurations"] |= found
        held[key] = {
            "network": _packed(by_network),
            "family": _packed(by_family),
            "new_device": {str(n): _packed(each) for n, each in fresh.items()},
        }
        off = errors(by_network).get("median_error", float("nan"))
        taken = time.perf_counter() - began
        print(
            f"{key:46} {points:5} {off:.3f} kinds {spread} {block.form} {taken:.1f} s",
            file=sys.stderr,
            flush=True,
        )
    return known, without_double(held)


def split(blocks: Mapping[str, Block]) -> dict[str, Block]:
    """The groups, and apart from them each configuration with very many networks."""
    found = dict(blocks)
    for key, block in blocks.items():
        many = block.have.sum(axis=1) >= OWN_KINDS
        for place in np.flatnonzero(many):
            device = block.configurations[place].partition("|")[0]
            found[f"{key}|{device}"] = block.only(np.arange(len(many)) == place)
    return found


def without_double(held: dict[str, Any]) -> dict[str, Any]:
    """Each prediction once: those of configurations with kinds of their own leave their group."""
    own = {name for key, each in held.items() if key.count("|") > 2 for name in each["network"]}
    for key, each in held.items():
        if key.count("|") == 2:
            for way in ("network", "family"):
                each[way] = {name: rows for name, rows in each[way].items() if name not in own}
    return {key: each for key, each in held.items() if each["network"]}


def best(block: Block, twice: bool = False) -> tuple[Block, Group, float, list[Held]]:
    """The form, and the amount of freedom of the kinds, that predict best."""
    forms = [replace(block, form=replace(form, twice=twice)) for form in FORMS]
    tried = [_tried(formed, spread) for formed in forms for spread in KIND_SPREADS]
    return min(tried, key=lambda each: each[0])[1:]


def _tried(block: Block, spread: float) -> tuple[float, Block, Group, float, list[Held]]:
    group = fit_group(block, spread)
    held = held_out(block, group, spread)
    return errors(held).get("median_error", 9.0), block, group, spread, held


def _group(
    block: Block,
    group: Group,
    spread: float,
    by_network: list[Held],
    by_family: list[Held],
    fresh: Mapping[int, list[Held]],
) -> dict[str, Any]:
    return {
        "kind_spread": spread,
        **asdict(block.form),
        "kinds": _rounded(group.kinds),
        "mean": _rounded(group.mean),
        "spread": _rounded(group.spread),
        "scale": round(group.scale, 4),
        "band": {
            key: round(value, 4) for key, value in asdict(band_of(by_network, by_family)).items()
        },
        "features": [_rounded(features_of(name), 2) for name in block.networks],
        "new_device": {
            str(n): round(float(np.quantile(np.abs([e.log_ratio for e in held]), 0.8)), 3)
            for n, held in fresh.items()
            if held
        },
    }


def _configurations(
    key: str, block: Block, group: Group, by_network: list[Held], counts: Mapping[str, int]
) -> dict[str, Any]:
    _, own = scales(by_network) if by_network else (0.2, {})
    found = {}
    for place, name in enumerate(block.configurations):
        networks = [block.networks[n] for n in np.flatnonzero(block.have[place])]
        batches = [int(n.partition("*")[2] or 1) for n in networks]
        found[name] = {
            "group": key,
            "theta": _rounded(group.theta[place]),
            "n_networks": len({n.partition("*")[0] for n in networks}),
            "n_rows": counts[name],
            "scale": round(own.get(name, group.scale), 4),
            "large_batch": bool(np.median(batches) >= LARGE_BATCH),
        }
    return found


def _rounded(values: Any, digits: int = 4) -> list[float]:
    return [round(float(value), digits) for value in values]


def _packed(held: list[Held]) -> dict[str, list[list[Any]]]:
    """Configuration → network, actual and predicted milliseconds."""
    found: dict[str, list[list[Any]]] = defaultdict(list)
    for each in held:
        row = [each.network, float(f"{each.actual_ms:.4g}"), float(f"{each.predicted_ms:.4g}")]
        found[each.configuration].append(row)
    return found


__all__ = ["fit_all", "group_key"]

if __name__ == "__main__":
    main()
