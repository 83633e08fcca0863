import json
import sys

import pytest

from benchmarks import distil_overhead

SMALL = ["--teacher", "tiny_cnn", "--student", "tiny_cnn", "--size", "32", "--images", "32"]
SMALL += ["--batch", "16", "--rounds", "1", "--json"]


def test_figures_are_one_json_object_and_fit_together(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["distil_overhead", *SMALL])
    with pytest.raises(SystemExit):  # the status depends on how busy the machine is
        distil_overhead.main()
    figures = json.loads(capsys.readouterr().out)
    alone, cached, fill = (figures[f"{n}_s"] for n in ("student_alone", "cached", "fill_view"))
    assert figures["cached_ratio"] == pytest.approx(cached / alone, rel=0.05)
    whole = (30 * cached + 8 * fill) / (30 * alone)
    assert figures["whole_run_ratio"] == pytest.approx(whole, rel=0.05)
    assert figures["live_teacher_s"] > 0
