import pytest

from kd_core.latency.evidence import rows
from kd_core.latency.fit_check import Held, errors, family_of, held_out, new_device
from kd_core.latency.fit_data import grouped
from kd_core.latency.fit_solve import fit_group

BLOCK = grouped(row for row in rows() if row.runtime == "xnnpack")["xnnpack|fp32|cpu"]
FITTED = fit_group(BLOCK, 0.3)


def test_every_time_is_predicted_once_by_a_fit_that_has_not_seen_it():
    held = held_out(BLOCK, FITTED, 0.3)
    asked = {(each.configuration, each.network) for each in held}
    assert len(asked) == len(held) == BLOCK.have.sum()
    assert 0 < errors(held)["median_error"] < 0.6


def test_holding_out_the_family_is_harder_or_as_hard():
    network = errors(held_out(BLOCK, FITTED, 0.3))["median_error"]
    family = errors(held_out(BLOCK, FITTED, 0.3, family_of))["median_error"]
    assert family > 0.5 * network


def test_measured_networks_help_a_new_device():
    found = new_device(BLOCK, FITTED, 0.3, (0, 2))
    assert errors(found[2])["median_error"] < errors(found[0])["median_error"]


def test_an_error_is_relative_to_the_published_time():
    held = [Held("c", "n", 10.0, predicted) for predicted in (10.0, 11.0, 15.0)]
    assert errors(held)["median_error"] == pytest.approx(0.1)
    assert errors(held)["within_20"] == pytest.approx(2 / 3)
