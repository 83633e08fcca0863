"""What is usual for a runtime: how far devices with it are from their data sheets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.latency.devices_spec import DEVICES, RuntimeChoice
from kd_core.latency.estimate_sheet import sheet_rates


def usual(
    groups: Mapping[str, Any], configurations: Mapping[str, Any], group: str
) -> NDArray[np.float64]:
    """(4,) mean over the fitted configurations of the group: log(fitted) − log(data sheet).

    Only of devices that are listed, as long as there are any: of the others nothing but a title is
    known, and a guessed data sheet says nothing about a runtime. One such guess (a 128 MHz
    microcontroller taken for a 2 GHz board) used to make every microcontroller 30 times too slow.

    Args:
        groups: Of the fit, with the mean over all configurations in ``mean``.
        configurations: Of the fit.
        group: Runtime, precision and unit.
    """
    found = [
        special(key, own)
        for key, own in configurations.items()
        if own["group"] == group and key.partition("|")[0] in DEVICES and not own["large_batch"]
    ]
    known = [each for each in found if np.isfinite(each[0])]
    if not known:
        return np.array(groups[group]["mean"], float)
    return np.mean([np.where(np.isfinite(each), each, 0.0) for each in known], axis=0)


def special(key: str, own: Mapping[str, Any]) -> NDArray[np.float64]:
    """(4,) How a fitted configuration of a listed device differs from its data sheet."""
    device, runtime, threads, precision = key.split("|")
    unit = own["group"].split("|")[2]
    choice = RuntimeChoice(runtime, (int(threads),), (precision,), unit)
    sheet = sheet_rates(DEVICES[device], choice, int(threads), precision)
    difference: NDArray[np.float64] = np.array(own["theta"]) - np.array(sheet.theta)
    return difference
