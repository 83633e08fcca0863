import json
import sys

import numpy as np
import pytest

from benchmarks import statistics, statistics_tables
from benchmarks.statistics_sims import Design, Share, Size, arm, truth_of
from kd_core.evaluate.metrics import METRICS
from tests.helpers_code import ROOT


@pytest.mark.parametrize("metric", ["accuracy", "macro_auc"])
@pytest.mark.parametrize(("delta", "tau"), [(1.35, 0.0), (2.5, 0.8)])
def test_the_truth_is_what_very_many_images_show(metric, delta, tau) -> None:
    rng, design = np.random.default_rng(0), Design(patients=4000, each=1, tau=tau)
    models = arm(rng, design, 30, delta)
    seen = [METRICS[metric].fn(METRICS[metric].seen(m), m.targets) for m in models]
    error = np.std(seen) / np.sqrt(30)
    assert np.mean(seen) == pytest.approx(truth_of(metric, delta, tau), abs=4 * error)


def test_images_of_a_patient_are_as_alike_as_the_design_says() -> None:
    rng, design = np.random.default_rng(1), Design(patients=3000, each=2, rho=0.5)
    one = arm(rng, design)[0]
    noise = one.logits[:, 1] - 2.0 * (one.targets - 0.5)
    pairs = noise.reshape(-1, 2)
    assert np.corrcoef(pairs.T)[0, 1] == pytest.approx(0.5, abs=0.05)
    assert noise.var() == pytest.approx(1.0, abs=0.06)


def test_a_share_has_the_simulations_own_error() -> None:
    assert Share.of(20, 400).error == pytest.approx(0.011, abs=0.0005)
    assert Share.of(0, 100).error > 0


def test_every_simulation_runs_and_is_one_json_object(monkeypatch, capsys) -> None:
    monkeypatch.setattr(statistics, "QUICK", Size(trials=2, repeats=20))
    monkeypatch.setattr(sys, "argv", ["statistics", "--quick", "--json"])
    statistics.main()
    found = json.loads(capsys.readouterr().out)
    assert set(statistics_tables.TITLES) <= set(found)
    assert {row["rho"] for row in found["false_alarms"]} == {0.0, 0.2, 0.5}
    for row in found["winners_curse"]:
        assert row["optimism"]["share"] > 0


def test_tables_have_every_figure_and_a_place_in_the_readme(tmp_path, monkeypatch) -> None:
    found = {
        "trials": 100,
        "repeats": 50,
        **{name: [{"rho": 0.5, "a test": Share(0.05, 0.02)}] for name in statistics_tables.TITLES},
        "winners_curse": [{"models": 30, "optimism": Share(0.024, 0.001), "high": 0.04}],
    }
    text = statistics_tables.markdown(found)
    assert "| 0.5 | 5.0 ± 2.0 % |" in text
    assert "| 30 | 2.40 ± 0.10 | 4.0 |" in text
    readme = tmp_path / "README.md"
    before = (ROOT / "README.md").read_text(encoding="utf-8")
    readme.write_text(before, encoding="utf-8")
    monkeypatch.setattr(statistics_tables, "README", readme)
    statistics_tables.write(found)
    assert text in readme.read_text(encoding="utf-8")
