from benchmarks.results_page import AIMS, _figures


def test_figures_have_what_the_aims_are_about() -> None:
    times = {name: [float(i) for i in range(1, 101)] for name in ("slider", "navigation", "empty")}
    figures = _figures(10, {**times, "reload": [2.0 * i for i in range(1, 101)]}, 1.0, 2.0)
    assert set(AIMS) <= set(figures)
    assert (figures["slider_p50_ms"], figures["slider_p95_ms"]) == (50, 95)
    assert figures["reload_ratio"] == 2.0
