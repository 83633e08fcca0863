import pytest

from kd_core.errors import JobError, StoreError
from kd_core.study.claims import Claims
from kd_core.study.queue import Queue
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, run_here, study


@pytest.fixture
def store():
    return Store()


def test_what_no_worker_has_obeys_at_once(store):
    study_id = submit(store, study(0))
    queue, runs = Queue(store), by_key(store, study_id)
    baseline, student = runs["baseline-s0"].id, runs["distilled-s0"].id
    assert queue.request(baseline, "pause") == "paused"
    assert queue.request(baseline, "resume") == "queued"
    assert queue.request(student, "pause") == "paused"
    assert queue.request(student, "resume") == "waiting"
    assert queue.request(student, "cancel") == "cancelled"
    assert queue.request(student, "resume") == "waiting"


def test_what_a_worker_has_is_asked(store):
    submit(store, study(0))
    claims = Claims(store, "me")
    claim = claims.next("auto", ("auto",))
    run_id = claim.file.run.id
    assert claims.requested(run_id) is None
    assert Queue(store).request(run_id, "cancel") == "running"
    assert store.run(run_id).request == "cancel"
    assert claims.requested(run_id)[0] == "cancel"


def test_what_cannot_be_is_refused_and_changes_nothing(store):
    study_id = submit(store, study(0))
    queue = Queue(store)
    run_here(store)
    finished = by_key(store, study_id)["teacher-s0"].id
    queued = by_key(store, study_id)["baseline-s0"].id
    for run_id, what in ((finished, "cancel"), (finished, "resume"), (queued, "resume")):
        before = store.run(run_id)
        with pytest.raises(JobError, match="request_impossible"):
            queue.request(run_id, what)
        assert store.run(run_id) == before
    with pytest.raises(StoreError, match="run_unknown"):
        queue.request("r-none", "cancel")


def test_a_whole_study_is_asked_but_not_the_runs_that_it_borrows(store):
    first = submit(store, study(0))
    run_all(store)
    second = submit(store, study(0, 1), reuse=True)
    queue = Queue(store)
    assert queue.request_study(second, "cancel") == 2
    assert store.study(first).finished == 3
    assert queue.request_study(second, "resume") == 2
    assert store.study(second).active == 2
    assert queue.request_study(second, "pause") == 2


def test_places_follow_turns_and_needs_and_tell_when(store):
    ana = submit(store, study(0), "ana", expected_s={"teacher-s0": 10, "baseline-s0": 20})
    ben = submit(store, study(0), "ben", expected_s={"teacher-s0": 5})
    places = Queue(store).places()
    of = {"ana": by_key(store, ana), "ben": by_key(store, ben)}
    names = {row.id: f"{owner} {key}" for owner in of for key, row in of[owner].items()}
    assert [names[run] for run in places] == [
        "ana teacher-s0",
        "ben teacher-s0",
        "ana baseline-s0",
        "ben baseline-s0",
        "ana distilled-s0",
        "ben distilled-s0",
    ]
    first = list(places.values())
    assert [place.position for place in first] == [1, 2, 3, 4, 5, 6]
    assert [place.starts_in_s for place in first[:4]] == [0.0, 10.0, 15.0, 35.0]
    assert first[4].starts_in_s is None  # nobody knows how long ben's baseline takes


def test_what_equal_runs_took_is_the_guess(store):
    submit(store, study(0))
    run_all(store)
    with store.db.write() as db:
        db.execute("UPDATE runs SET claimed = 100, ended = 130")
    again = submit(store, study(1))
    places = Queue(store).places()
    runs = by_key(store, again)
    assert places[runs["baseline-s1"].id].starts_in_s == 30.0
    assert places[runs["distilled-s1"].id].starts_in_s == 60.0


def test_the_runner_makes_itself_known(store):
    assert Queue(store).runner() == {}
    Claims(store, "me").announce({"slots": ["cuda:0", "cuda:1"]})
    assert Queue(store).runner()["slots"] == ["cuda:0", "cuda:1"]
    assert Queue(store).runner()["holder"] == "me"
