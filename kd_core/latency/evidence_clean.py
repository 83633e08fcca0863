"""Published figures, cleaned: which rows can be used, in closed lists, each with its source.

``python -m kd_core.latency.evidence_clean --from device_latencies.csv [measured.csv …]``

writes ``kd_core/latency/data/``: ``rows.csv.gz`` (one published time a line), ``networks.json.gz``
(operators of every network that occurs) and ``left_out.json`` (what was left out, how many rows,
and why). The first file has one published figure a row; further ones have the columns of
``evidence_measure``.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import re
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

from kd_core.latency.evidence import DATA, FIELDS, Row, stored_tables
from kd_core.latency.evidence_names import (
    DEVICE_NAMES,
    UNITS,
    network_of,
    precision_of,
    runtime_of,
)

MINIMUM = re.compile(r"\bmin=([\d.]+)")
SAVED_EVERY = 20
LARGEST_MACS = 20e9
SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True)
class Left:
    """Why a row was left out."""

    why: str
    what: str = ""


def main() -> None:
    """Clean, rebuild and write."""
    parser = argparse.ArgumentParser(description=__doc__, prog="kd_core.latency.evidence_clean")
    parser.add_argument("--from", dest="files", type=Path, nargs="+", required=True)
    parser.add_argument("--to", type=Path, default=DATA)
    parser.add_argument("--keep", action="store_true", help="keep the tables that are there")
    options = parser.parse_args()
    rows, left = clean(options.files)
    known = stored_tables(options.to) if options.keep else {}
    wanted = sorted({row.network for row in rows}, key=lambda n: (n.startswith("timm:"), n))
    tables = {network: known[network] for network in wanted if network in known}
    failed = rebuild([network for network in wanted if network not in known], tables, options.to)
    for network, why in failed.items():
        count = sum(row.network == network for row in rows)
        left[Left(why, network)] += count
    write([row for row in rows if row.network in tables], tables, left, options.to)


def clean(files: list[Path]) -> tuple[list[Row], Counter[Left]]:
    """All usable rows, and how many were left out for which reason."""
    rows: list[Row] = []
    left: Counter[Left] = Counter()
    for path in files:
        with path.open(newline="", encoding="utf-8") as file:
            for raw in csv.DictReader(file):
                found = Row.of(raw) if "network" in raw else usable(raw)
                if isinstance(found, Left):
                    left[found] += 1
                else:
                    rows.append(found)
    return sorted(set(rows), key=astuple), left


def usable(raw: Mapping[str, str]) -> Row | Left:
    """A published row in our words, or why it cannot be used."""
    runtime, precision = runtime_of(raw["runtime"]), precision_of(raw["precision"])
    unit = UNITS.get(raw["backend"], "")
    network = network_of(raw["model"], raw["source"])
    trap = _trap(raw)
    if trap:
        return Left(trap)
    if not runtime:
        return Left("runtime", raw["runtime"])
    if not precision:
        return Left("precision", raw["precision"])
    if not unit:
        return Left("unit", raw["backend"])
    if not network:
        what = "timm" if raw["model"].startswith("timm/") else raw["model"]
        return Left("network", what)
    size = _size(raw["input_size"], network)
    if not size:
        return Left("input_size", raw["model"])
    if runtime == "ncnn" and unit == "gpu":
        runtime = "ncnn_vulkan"
    return Row(
        device=_device(raw),
        runtime=runtime,
        threads=_threads(raw["threads"], unit),
        precision=precision,
        unit=unit,
        network=f"{network}@{size}",
        batch=int(raw["batch"]),
        latency_ms=_latency(raw),
        source=raw["source"],
    )


def _trap(raw: Mapping[str, str]) -> str:
    """Known faults of the tables."""
    if raw["runtime"] == "ncnn" and raw["backend"] == "vulkan-gpu" and raw["precision"] == "int8":
        return "int8 under Vulkan runs on the processor"
    if "keras.io" in raw["source"]:
        return "batch or image not said"
    if "tiny_results" in raw["source"] and "float" in raw["device"].lower():
        return "submitted as float"
    if "RK3588S" in raw["device"] and raw["backend"] == "vulkan-gpu":
        return "a doubtful section"
    if "Atlas" in raw["device"] or ("Tesla" in raw["device"] and raw["runtime"] == "ncnn"):
        return "another unit than stated"
    return ""


def _size(published: str, network: str) -> str:
    if network == "autoencoder":
        return "640x0"
    numbers = [int(n) for n in re.findall(r"\d+", published)]
    if network == "dscnn":
        return "49x10x1"
    if len(numbers) == 3:
        return "x".join(map(str, numbers))
    if len(numbers) == 2:
        return str(numbers[0]) if numbers[0] == numbers[1] else f"{numbers[0]}x{numbers[1]}x3"
    return ""


def _device(raw: Mapping[str, str]) -> str:
    known = raw["target_id"]
    if raw["runtime"].startswith("MLPerf Tiny") and not known:
        known = ""
    return DEVICE_NAMES.get(known, known) or SLUG.sub("_", raw["device"].lower()).strip("_")[:60]


def _threads(published: str, unit: str) -> int:
    if unit != "cpu":
        return 0
    if published.isdigit():
        return int(published)
    return 4 if published in ("all", "big cores") else 0


def _latency(raw: Mapping[str, str]) -> float:
    """Milliseconds; of ncnn's table the fastest of its loops, which other work disturbs least."""
    fastest = MINIMUM.search(raw["note"])
    return float(fastest[1]) if fastest and float(fastest[1]) > 0 else float(raw["latency_ms"])


Tables = dict[str, list[list[Any]]]


def rebuild(networks: list[str], tables: Tables, folder: Path) -> dict[str, str]:
    """Add the operators of each network at batch 1 to the tables.

    Returns:
        Those that could not be rebuilt, with the reason.
    """
    from kd_core.latency.evidence_nets import build, shape_of
    from kd_core.latency.evidence_trace import trace

    failed: dict[str, str] = {}
    warnings.simplefilter("ignore")
    for network in networks:
        try:
            work = trace(build(network), shape_of(network))
        except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
            failed[network] = f"cannot be rebuilt: {str(error)[:80]}"
            continue
        if work.macs > LARGEST_MACS:
            failed[network] = "more than 20 GMAC"
            continue
        counted = Counter((op.kind, op.macs, op.weights, op.reads + op.writes) for op in work.ops)
        tables[network] = [[*op, count] for op, count in counted.items()]
        print(network, round(work.macs / 1e6, 1), len(tables[network]), file=sys.stderr, flush=True)
        if len(tables) % SAVED_EVERY == 0:
            write_tables(tables, folder)
    return failed


def write_tables(tables: Tables, folder: Path) -> None:
    """Write the operators of the networks."""
    folder.mkdir(parents=True, exist_ok=True)
    packed = json.dumps(tables, separators=(",", ":"), sort_keys=True).encode()
    (folder / "networks.json.gz").write_bytes(gzip.compress(packed, mtime=0))


def write(
    rows: list[Row],
    tables: Tables,
    left: Counter[Left],
    folder: Path,
) -> None:
    """Write the three files; equal content gives equal bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "\n".join(_lines(rows)) + "\n"
    (folder / "rows.csv.gz").write_bytes(gzip.compress(lines.encode(), mtime=0))
    write_tables(tables, folder)
    listed = [
        {"why": each.why, "what": each.what, "rows": count}
        for each, count in sorted(left.items(), key=lambda item: (item[0].why, item[0].what))
    ]
    text = json.dumps(listed, indent=0, ensure_ascii=False) + "\n"
    (folder / "left_out.json").write_text(text, encoding="utf-8")


def _lines(rows: list[Row]) -> Iterator[str]:
    yield ",".join(FIELDS)
    for row in rows:
        values = [f"{v:.6g}" if isinstance(v, float) else str(v) for v in astuple(row)]
        yield ",".join(value.replace(",", ";") for value in values)


if __name__ == "__main__":
    main()
