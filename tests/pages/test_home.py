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
