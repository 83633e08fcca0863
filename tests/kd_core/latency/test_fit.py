import json

import pytest

from kd_core.latency.evidence import DATA, rows
from kd_core.latency.fit import fit_all, split
from kd_core.latency.fit_data import grouped

SLICE = "xnnpack|fp32|cpu"


def test_the_fit_of_a_slice_gives_the_numbers_that_ship():
    shipped = json.loads((DATA / "fit.json").read_text())
    known, held = fit_all([row for row in rows() if row.runtime == "xnnpack"], [SLICE])
    assert known["groups"][SLICE]["kinds"] == pytest.approx(
        shipped["groups"][SLICE]["kinds"], abs=2e-3
    )
    for name, each in known["configurations"].items():
        assert each["theta"] == pytest.approx(shipped["configurations"][name]["theta"], abs=5e-3)
    assert len(held[SLICE]["network"]) == len(known["configurations"])


def test_configurations_with_very_many_networks_stand_alone():
    chosen = [row for row in rows() if row.runtime == "torch_compile"]
    found = split(grouped(chosen))
    assert "torch_compile|fp32|cpu|intel_i7_12700h" in found
    assert len(found["torch_compile|fp32|cpu|intel_i7_12700h"].configurations) == 1
