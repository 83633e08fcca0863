"""The published times in the order in which they are fitted: groups of configurations."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np

from kd_core.latency.devices import DEVICES, DeviceSpec, RuntimeChoice
from kd_core.latency.estimate_sheet import sheet_rates
from kd_core.latency.evidence import Row, columns
from kd_core.latency.fit_model import Rates, Stack, bytes_of
from kd_core.latency.fit_solve import Block

FEWEST = 3
"""Networks below which a configuration is not fitted."""
MOST_SPREAD = math.log(3)
"""Rows of one network and configuration that differ by more say nothing."""
CORE = re.compile(r"([\d.]+)\s*ghz|(\d+)_(\d+)ghz")


def group_key(row: Row) -> str:
    """Runtime, precision and unit in one text."""
    return f"{row.runtime}|{row.precision}|{row.unit}"


def label(network: str, batch: int) -> str:
    """A network with its batch, where that is not 1."""
    return network if batch == 1 else f"{network}*{batch}"


def stack_of(labels: Iterable[str]) -> Stack:
    """Operators of networks of the tables, those of one kind together."""
    found = []
    for each in labels:
        network, _, batch = each.partition("*")
        found.append(columns(network, int(batch or 1)).by_kind())
    return Stack.of(found)


def grouped(rows: Iterable[Row]) -> dict[str, Block]:
    """The block of each group; several rows of one network count by their median."""
    found: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(
        lambda: defaultdict(lambda: defaultdict(list))
    )
    first: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = (group_key(row), row.configuration)
        first[key] = row
        found[key[0]][key[1]][label(row.network, row.batch)].append(math.log(row.latency_ms))
    blocks: dict[str, Block] = {}
    for group, configurations in found.items():
        agreed: dict[str, dict[str, float]] = {}
        for name, networks in configurations.items():
            kept = {n: float(np.median(v)) for n, v in networks.items() if np.ptp(v) <= MOST_SPREAD}
            if len(kept) >= FEWEST:
                agreed[name] = kept
        if agreed:
            blocks[group] = _block(agreed, {n: first[group, n] for n in agreed})
    return blocks


def _block(agreed: Mapping[str, Mapping[str, float]], rows: Mapping[str, Row]) -> Block:
    names = tuple(sorted(agreed))
    networks = tuple(sorted({network for each in agreed.values() for network in each}))
    have = np.array([[network in agreed[name] for network in networks] for name in names])
    log_ms = np.array([[agreed[name].get(network, 0.0) for network in networks] for name in names])
    sheets = [sheet_of(rows[name]) for name in names]
    return Block(
        names,
        networks,
        stack_of(networks),
        log_ms,
        have,
        np.array([sheet.theta for sheet in sheets]),
        sheets[0].bytes_each,
    )


def sheet_of(row: Row) -> Rates:
    """What the data sheet says of a row's device; of one that is not listed, a usual device."""
    choice = RuntimeChoice(row.runtime, (row.threads,), (row.precision,), row.unit)  # type: ignore[arg-type]
    device = DEVICES[row.device] if row.device in DEVICES else guessed(row.device)
    rates = sheet_rates(device, choice, row.threads, row.precision)
    if math.isnan(rates.theta[0]):
        usual = {"gpu": 500.0, "npu": 2000.0, "mcu": 0.3, "cpu": 30.0}[row.unit]
        theta = (math.log(usual), *rates.theta[1:])
        return Rates(theta, rates.kinds, bytes_of(row.precision))
    return rates


SLOW = ("a53", "a55", "a7_", "a7 ", "a5_", "a35", "a520")
ARM = ("cortex", "kyro", "kirin", "snapdragon", "kunpeng", "phytium", "denver", "carmel", "ft_2000")
X86 = ("intel", "amd", "xeon", "ryzen", "i7", "core", "celeron", "atom", "zhaoxin")


def guessed(name: str) -> DeviceSpec:
    """A device of which only the title of its table is known: sort of cores, clock, how many."""
    clock = re.search(r"(\d)_(\d+)_?ghz", name)
    ghz = float(f"{clock[1]}.{clock[2]}") if clock else 2.0
    many = re.search(r"_x_?(\d)(?!\d)|_(\d)x_", name)
    cores = int(next(filter(None, many.groups()))) if many else 4
    slow = any(part in f"{name}_" for part in SLOW) and not re.search(r"a7[2-9]|x1|x2|x3", name)
    x86 = any(part in name for part in X86) and "cortex" not in name
    core = "in_order_arm" if slow else "x86" if x86 else "out_of_order_arm"
    per_cycle = 8 if slow else 16
    return DeviceSpec(
        kind="board",
        processor=name,
        runtimes=(RuntimeChoice("onnxruntime"),),
        core=core,  # type: ignore[arg-type]
        cores=max(cores, 1),
        ghz=max(ghz, 0.2),
        flops_per_cycle=per_cycle,
        fp16=bool(re.search(r"a55|a7[5-8]|a710|a720|x[1-4]_|oryon|8_gen|9300", name)),
    )
