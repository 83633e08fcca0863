import pytest

from kd_core.errors import ExportError, JobError
from kd_core.latency.own_calibrate import Step
from kd_core.study import calibration
from kd_core.study.calibration import Watched, ask_to_stop, start, state
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import study


@pytest.fixture
def store(home):
    return Store(home)


def test_there_is_none_before_the_first(home):
    assert not state(home).running
    assert state(home).step is None


def test_one_can_see_how_far_it_is_and_how_it_ended(store, home):
    with Watched(store) as watched:
        watched.tick(Step("measure", 3, 10, "net"))
        assert state(home).running
        assert state(home).step == Step("measure", 3, 10, "net")
    after = state(home)
    assert not after.running
    assert after.error is None
    assert after.ended > 0


def test_an_error_is_kept_for_the_page(store, home):
    with pytest.raises(ExportError), Watched(store):
        raise ExportError("measure_timeout", file="x", seconds=1)
    assert state(home).error.code == "measure_timeout"


def test_there_is_one_at_a_time(store, home):
    with Watched(store):
        with pytest.raises(JobError, match="calibrate_twice"), Watched(store):
            pass
        with pytest.raises(JobError, match="calibrate_twice"):
            start(home)
    with Watched(store):
        pass


def test_it_knows_whether_a_run_is_training(store):
    submit(store, study(0), "ana")
    with Watched(store) as watched:
        assert not watched.busy()
        with store.db.write() as db:
            db.execute("UPDATE runs SET status = 'running' WHERE role = 'teacher'")
        assert watched.busy()


def test_a_wish_to_stop_counts_for_the_present_one_only(store, home):
    with Watched(store) as watched:
        assert not watched.stop()
        ask_to_stop(home)
        assert watched.stop()
    with Watched(store) as again:
        assert not again.stop()


def test_it_is_started_as_a_process_of_its_own(home, store, monkeypatch):
    seen = {}

    def popen(command, **more):
        seen.update(more, command=command)

    monkeypatch.setattr(calibration.subprocess, "Popen", popen)
    start(home)
    assert seen["command"][-2:] == ["calibrate", "--json"]
    assert seen["env"]["KDLAB_HOME"] == str(home)
