from kd_core.events import Stopped
from kd_core.jobs.protocol import READY, REQUESTS, JobLine
from kd_core.study.claims import Claims
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import study


def test_a_job_survives_the_pipe():
    store = Store()
    submit(store, study(0), "ana")
    claim = Claims(store, "me").next("auto", ("auto",))
    line = JobLine(home=str(store.home.root), file=claim.file, parents={"teacher": "/x"}, slots=2)
    assert JobLine.from_json(line.to_json()) == line
    assert b"\n" not in READY


def test_every_request_has_the_end_that_it_asks_for():
    for reason in REQUESTS.values():
        Stopped(reason=reason)
