from benchmarks.class_visitors import AIMS, Seen, figures, quantile


def test_figures_count_what_failed_and_when_the_last_run_ended():
    seen = Seen([10.0, 20.0], [30.0], ["visitor 3: gone"])
    runs = [("finished", 100.0, 112.0), ("finished", 103.0, 130.0), ("queued", 104.0, None)]
    found = figures(3, seen, runs)
    assert set(AIMS) <= set(found)
    assert found["failed"] == 2
    assert found["last_run_s"] == 30.0
    assert (found["moves"], found["slider_p50_ms"], found["training_p50_ms"]) == (3, 20.0, 30.0)


def test_a_quantile_of_nothing_is_nothing():
    assert quantile([], 0.95) == 0.0
    assert quantile([float(i) for i in range(101)], 0.95) == 95.0
