import pytest

from kd_core.errors import StoreError
from kd_core.events import Failed, Progress, Started, Stopped, to_line
from kd_core.study.eventlog import EVENTS, append_event
from kd_core.study.life import restore_state
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import run_here, study


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def run_id(store):
    return store.runs(study=submit(store, study(0)))[0].id


def restored(store, run_id):
    with store.db.write() as db:
        problem = restore_state(db, store.home, run_id)
    return store.run(run_id), problem


START = Started(pid=1, device="cpu", at=1.0)
STEP = Progress(stage="train", done=1, total=3, at=2.0)


@pytest.mark.parametrize(
    ("events", "status", "ended"),
    [
        ([], "queued", None),
        ([START, STEP], "interrupted", 2.0),
        ([START, Stopped(reason="paused", at=3.0)], "paused", 3.0),
        ([START, Stopped(reason="paused", at=3.0), START], "interrupted", 1.0),
        ([Stopped(reason="cancelled", at=4.0)], "cancelled", 4.0),
        ([START, Failed(error={"code": "x"}, at=5.0)], "failed", 5.0),
    ],
)
def test_the_last_word_decides(store, run_id, events, status, ended):
    for event in events:
        append_event(store.home.work(run_id), event)
    row, problem = restored(store, run_id)
    assert problem is None
    assert (row.status, row.ended) == (status, ended)
    assert row.attempt == events.count(START)


def test_half_a_last_line_is_no_word(store, run_id):
    append_event(store.home.work(run_id), START)
    with (store.home.work(run_id) / EVENTS).open("a") as file:
        file.write(to_line(Stopped(reason="paused"))[:30])
    row, _ = restored(store, run_id)
    assert row.status == "interrupted"


def test_a_record_that_cannot_be_read_is_told(store):
    submit(store, study(0))
    run_id = run_here(store)
    (store.home.run(run_id) / "record.json").write_text("{")
    row, problem = restored(store, run_id)
    assert row.status == "failed"
    assert isinstance(problem, StoreError)
