from app import home
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_app import say
from tests.helpers_jobs import study
from tests.pages.conftest import texts


def test_an_empty_store_is_no_error(empty, open_page) -> None:
    at = open_page("home")
    assert not at.exception
    assert "no finished study" in texts(at)


def test_the_embedded_study_is_shown_at_once(open_page) -> None:
    at = open_page("home")
    assert not at.exception
    said = texts(at)
    assert "synthetic" in said
    assert "distilled against Teacher" in said
    assert {metric.label for metric in at.metric} == {"Teacher", "Student alone", "distilled"}


def test_the_used_disk_is_not_counted_again_for_every_visitor(open_page, monkeypatch) -> None:
    counted = []
    monkeypatch.setattr(home, "disk_usage", lambda store: counted.append(store) or {"runs": 1})
    for _ in range(2):
        assert not open_page("home").exception
    assert len(counted) == 1


def test_what_an_earlier_server_left_is_said_and_can_be_stopped(empty, open_page) -> None:
    store = Store()
    submit(store, study(0))
    with store.db.write() as db:
        db.execute("UPDATE runs SET status = 'interrupted'")
    at = open_page("home")
    assert not at.exception
    assert say("home.left", going=0, halted=3) in texts(at)
    next(b for b in at.button if b.label == say("home.left.forget")).click().run()
    assert not at.exception
    assert {run.status for run in store.runs()} == {"cancelled"}
    assert say("home.left.resume") not in {button.label for button in at.button}
    store.close()
