"""The curves of a look at a network's layers."""

from types import SimpleNamespace

from app import compress_sensitivity, results_stamp


def test_curves_have_the_stamp_of_their_study(monkeypatch) -> None:
    runs = [SimpleNamespace(id="r", role="analysis", status="finished")]
    store = SimpleNamespace(runs=lambda study: runs, folder=lambda run: None)
    drawn, stamped = [], []
    monkeypatch.setattr(compress_sensitivity, "services", lambda: SimpleNamespace(store=store))
    monkeypatch.setattr(compress_sensitivity, "read_sensitivity", lambda folder: "curves")
    monkeypatch.setattr(compress_sensitivity, "_curves", lambda found, run: drawn.append(run.id))
    monkeypatch.setattr(results_stamp, "show_studies", stamped.append)
    assert compress_sensitivity.show("s")
    assert (drawn, stamped) == (["r"], [("s",)])
    runs.clear()
    assert not compress_sensitivity.show("s")
    assert stamped == [("s",)]
