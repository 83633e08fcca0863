from kd_core.latency.estimate_known import load_fit
from kd_core.latency.evidence import rows
from kd_core.latency.fit_transfer import HOWS, Derived, derived, summary, without


def test_a_hidden_device_leaves_nothing_of_it_behind():
    fit = load_fit()
    left = without(fit, lambda key: key.startswith("raspberry_pi_4|"))
    assert not any(key.startswith("raspberry_pi_4|") for key in left.configurations)
    assert len(left.configurations) < len(fit.configurations)
    group = "ncnn|ncnn_default|cpu"
    assert left.groups[group]["mean"] != fit.groups[group]["mean"]


def test_every_way_of_deriving_is_tried_without_the_times_it_predicts():
    mine = [row for row in rows() if row.device == "raspberry_pi_4" and row.runtime == "ncnn"]
    found = derived(load_fit(), mine)
    assert {"sister", "threads"} <= {each.how for each in found} <= set(HOWS)
    assert all(each.configuration.startswith("raspberry_pi_4|ncnn|") for each in found)


def test_shares_are_counted_by_time_and_by_device():
    found = [Derived("sister", "a|r|1|p", f"n{i}", 0.0, True) for i in range(3)]
    found.append(Derived("sister", "b|r|1|p", "n", 1.0, False))
    (only,) = summary(found).values()
    assert (only["coverage"], only["coverage_by_device"]) == (0.75, 0.5)
    assert (only["n"], only["devices"]) == (4, 2)
