"""The published figures that ship with the package, each with its source.

``python -m kd_core.latency.evidence --from device_latencies.csv`` makes them anew; see
``evidence_clean.py``.
"""

from __future__ import annotations

import csv
import functools
import gzip
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.latency.work import KINDS, Columns, in_tiles

DATA = Path(__file__).with_name("data")


@dataclass(frozen=True)
class Row:
    """One published time.

    Attributes:
        device: Entry of ``DEVICES``, or another device that only the fit knows.
        runtime: One of ``RUNTIMES``.
        threads: Threads; 0 where unsaid or meaningless.
        precision: One of ``PRECISIONS``.
        unit: ``cpu``, ``gpu``, ``npu`` or ``mcu``.
        network: ``name@shape``.
        batch: Images in one call.
        latency_ms: Time of the call.
        source: Where it was published.
    """

    device: str
    runtime: str
    threads: int
    precision: str
    unit: str
    network: str
    batch: int
    latency_ms: float
    source: str

    @property
    def configuration(self) -> str:
        """Device, runtime, threads and precision in one text."""
        return f"{self.device}|{self.runtime}|{self.threads}|{self.precision}"

    @classmethod
    def of(cls, raw: Mapping[str, str]) -> Row:
        """A row from the texts of a file."""
        known: dict[str, Any] = {name: raw.get(name, "") for name in FIELDS}
        known["unit"] = known["unit"] or "cpu"
        for name in ("threads", "batch"):
            known[name] = int(known[name])
        known["latency_ms"] = float(known["latency_ms"])
        return cls(**known)


FIELDS = tuple(field.name for field in fields(Row))


@functools.cache
def rows(folder: Path = DATA) -> tuple[Row, ...]:
    """All published times."""
    text = gzip.decompress((folder / "rows.csv.gz").read_bytes()).decode()
    return tuple(Row.of(raw) for raw in csv.DictReader(io.StringIO(text)))


@functools.cache
def stored_tables(folder: Path = DATA) -> dict[str, list[list[Any]]]:
    """Operators of each network: kind, multiplications, weights, numbers moved, how often."""
    path = folder / "networks.json.gz"
    content = gzip.decompress(path.read_bytes()) if path.exists() else b"{}"
    tables: dict[str, list[list[Any]]] = json.loads(content)
    return tables


@functools.cache
def columns(network: str, batch: int = 1, folder: Path = DATA) -> Columns:
    """The operators of a network of the tables; weights are read once for all images of a batch.

    Raises:
        KeyError: It is not in the tables.
    """
    place = {kind: i for i, kind in enumerate(KINDS)}
    table = stored_tables(folder)[network]
    numbers = np.array([[place[row[0]], *row[1:]] for row in table], np.float64)  # (ops, 5)
    kind, macs, weights, moved, count = numbers.T
    effort = in_tiles(kind, macs, weights, moved) * batch
    elements = weights + moved * batch
    return Columns(kind.astype(np.intp), macs * batch, elements, count, effort, weights)


def networks(folder: Path = DATA) -> tuple[str, ...]:
    """Names of all networks of the tables."""
    return tuple(stored_tables(folder))


if __name__ == "__main__":
    from kd_core.latency.evidence_clean import main

    main()
