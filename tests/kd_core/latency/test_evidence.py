from kd_core.latency.evidence import columns, networks, rows
from kd_core.latency.lists import PRECISIONS, RUNTIMES


def test_every_published_time_has_its_source_and_its_network():
    known = set(networks())
    found = rows()
    assert len(found) > 5000
    for row in found:
        assert row.source
        assert row.latency_ms > 0
        assert row.runtime in RUNTIMES
        assert row.precision in PRECISIONS
        assert row.network in known


def test_a_batch_multiplies_the_work_but_not_the_weights():
    one, four = columns("resnet18@224"), columns("resnet18@224", 4)
    assert (one.macs * one.count).sum() > 1.8e9
    assert (four.macs == 4 * one.macs).all()
    assert (four.elements < 4 * one.elements + 1).all()
