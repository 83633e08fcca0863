from app import home
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
