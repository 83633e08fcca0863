from kd_core.latency.evidence_measure import _median_ms


def test_the_median_of_several_calls_is_taken():
    calls = []
    taken = _median_ms(lambda: calls.append(sum(range(1000))), threads=1)
    assert taken >= 0
    assert len(calls) >= 4  # one to warm up
