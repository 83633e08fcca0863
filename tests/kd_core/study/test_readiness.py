import pytest

from kd_core.errors import StoreError
from kd_core.study import readiness
from kd_core.study.readiness import check
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import run_all, study


@pytest.fixture
def store():
    found = Store()
    yield found
    found.close()


def said(store, **changes):
    """Message ids by whether they are fine."""
    found = check(store, **{"people": 2, "upload_bytes": 10, **changes})
    return {f.msg.id for f in found if f.ok}, {f.msg.id for f in found if not f.ok}


def test_a_home_without_a_study_is_not_ready(store):
    fine, wrong = said(store)
    assert "readiness.queue" in fine
    assert "readiness.no_study" in wrong


def test_models_without_networks_are_told_one_by_one(store, monkeypatch):
    made = submit(store, study(0))
    run_all(store)
    fine, wrong = said(store)  # these runs are not trained: they have files only
    assert "readiness.study" in fine
    assert "readiness.role_missing" in wrong
    monkeypatch.setattr(readiness, "network_file", lambda folder, name: (folder, True))
    fine, wrong = said(store, study=made)
    assert "readiness.role" in fine
    assert "readiness.role_missing" not in wrong
    with pytest.raises(StoreError, match="study_unknown"):
        said(store, study="s-gone")


def test_a_busy_queue_and_too_little_room_are_told(store, monkeypatch):
    submit(store, study(0))
    monkeypatch.setattr(readiness, "free_bytes", lambda path: readiness.RESERVE_BYTES + 19)
    monkeypatch.setattr(readiness, "PROCESS_BYTES", 10**18)
    _, wrong = said(store)
    assert {"readiness.queue_busy", "readiness.disk_short", "readiness.memory_short"} <= wrong
    monkeypatch.setattr(readiness, "free_bytes", lambda path: readiness.RESERVE_BYTES + 20)
    fine, _ = said(store)
    assert "readiness.disk" in fine


def test_what_is_wrong_comes_first(store):
    order = [finding.ok for finding in check(store, people=2, upload_bytes=10)]
    assert order == sorted(order)
