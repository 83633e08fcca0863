"""What stands beside the figures of an opened test part."""

from types import SimpleNamespace

import streamlit as st

from app import results_test
from tests.helpers_app import say


def test_external_images_that_look_like_known_ones_are_told(monkeypatch) -> None:
    near = {"old": {}, "new": {"clinic": 3}}
    store = SimpleNamespace(
        record=lambda run: SimpleNamespace(data=SimpleNamespace(external_near=near[run]))
    )
    monkeypatch.setattr(results_test, "services", lambda: SimpleNamespace(store=store))
    told: list[str] = []
    monkeypatch.setattr(st, "warning", lambda text, icon: told.append(text))
    arms = {run: [SimpleNamespace(run=SimpleNamespace(id=run))] for run in near}
    results_test._near_copies(arms)
    assert told == [say("external.near", name="clinic", n=3)]
