import json

import pytest

from kd_core.latency import own_evidence as module
from kd_core.latency.estimate import Target
from kd_core.latency.own_evidence import (
    EvidenceRow,
    add_evidence,
    evidence_path,
    forget_evidence,
    load_evidence,
    read_evidence,
    trust,
)
from kd_core.latency.work import work_of
from tests.helpers_devices import conv_file

DEVICE = "raspberry_pi_4"


@pytest.fixture
def row(tmp_path):
    def make(size=12, latency_ms=2.0, **values):
        work = work_of(conv_file(tmp_path / f"{size}.onnx", size=size)).to_json()
        known = {
            "device": DEVICE, "runtime": "onnxruntime", "threads": 4, "precision": "fp32",
            "name": f"net@{size}", "model_sha256": f"{size:064d}", "latency_ms": latency_ms,
            "measured_at": 1.0, "work": work,
        }  # fmt: skip
        return EvidenceRow(**{**known, **values})

    return make


def test_what_was_written_comes_back_as_the_estimator_takes_it(home, row):
    assert add_evidence(home, DEVICE, [row()]) == 1
    assert read_evidence(home, DEVICE) == [row()]
    (found,) = load_evidence(home, DEVICE)
    assert found.target == Target(DEVICE, "onnxruntime", 4, "fp32")
    assert found.latency_ms == 2.0
    assert found.work.macs == 12 * 12 * 3 * 3 * 9


def test_a_row_is_added_once(home, row):
    assert add_evidence(home, DEVICE, [row(), row(24)]) == 2
    assert add_evidence(home, DEVICE, [row(), row(36)]) == 1
    assert len(read_evidence(home, DEVICE)) == 3


def test_the_newest_figure_of_a_network_counts_in_each_setting(home, row):
    rows = [row(latency_ms=9.0), row(latency_ms=3.0, measured_at=2.0), row(threads=1)]
    add_evidence(home, DEVICE, rows)
    found = {one.target.threads: one.latency_ms for one in load_evidence(home, DEVICE)}
    assert found == {4: 3.0, 1: 2.0}


def test_a_line_cut_short_is_left_out(home, row):
    add_evidence(home, DEVICE, [row()])
    with evidence_path(home, DEVICE).open("a") as file:
        file.write(json.dumps(row(24).to_json())[:50] + "\n")
    assert len(read_evidence(home, DEVICE)) == 1


def test_nothing_is_there_before_and_after(home, row):
    assert load_evidence(home, DEVICE) == ()
    add_evidence(home, DEVICE, [row()])
    forget_evidence(home, DEVICE)
    assert read_evidence(home, DEVICE) == []


def test_trust_compares_each_network_with_the_measurements_of_the_others(home, row, monkeypatch):
    seen = []

    def estimate(work, target, evidence, devices):
        seen.append(sorted(one.latency_ms for one in evidence))
        known = max((one.latency_ms for one in evidence), default=1.0)
        return type("Guess", (), {"latency_ms": known})

    monkeypatch.setattr(module, "estimate", estimate)
    add_evidence(home, DEVICE, [row(12, 2.0), row(24, 4.0), row(36, 8.0), row(36, 5.0, threads=1)])
    several, single = trust(home, DEVICE)
    assert (several.threads, several.networks) == (4, 3)
    assert several.before == pytest.approx(0.75)  # |1/2 − 1|, |1/4 − 1|, |1/8 − 1|
    assert several.after == pytest.approx(1.0)  # |8/2 − 1|, |8/4 − 1|, |4/8 − 1|
    assert [4.0, 8.0] in seen  # the network's own figure is not among them
    assert (single.networks, single.before, single.after) == (1, pytest.approx(0.8), None)


def test_measured_networks_make_the_estimates_of_others_better(home, row):
    """With the real estimator: a device three times as slow as its data sheet says."""
    sizes = (16, 32, 48, 64, 96, 128)
    guesses = {size: _estimate(row(size)) for size in sizes}
    add_evidence(home, DEVICE, [row(size, latency_ms=3 * guesses[size]) for size in sizes])
    (found,) = trust(home, DEVICE)
    assert found.before == pytest.approx(2 / 3, abs=0.01)
    assert found.after is not None
    assert found.after < 0.5 * found.before


def _estimate(row):
    one = row.evidence()
    return module.estimate(one.work, one.target).latency_ms
