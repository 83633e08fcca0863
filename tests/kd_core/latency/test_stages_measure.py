import csv
import sys

from kd_core.latency import stages_measure


def test_every_step_is_timed(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    monkeypatch.setattr(stages_measure, "ROUND_S", 0.0)
    arguments = ["x", "--out", str(path), "--rounds", "1", "--sides", "16", "32"]
    monkeypatch.setattr(sys, "argv", arguments)
    stages_measure.main()
    rows = list(csv.DictReader(path.read_text().splitlines()))
    assert {row["step"] for row in rows} == {"decode", "resize", "post"}
    assert all(float(row["cpu_ms"]) > 0 and "Pillow" in row["source"] for row in rows)
