import pytest

from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_app import go_to, open_page, say, tiny_study, words

PAGES = ("home", "data", "distil", "results")


def test_empty():
    at = open_page("home")
    assert at.title[0].value == say("home.title")
    assert say("home.no_study") in words(at)
    assert say("home.queue.empty") in words(at)
    assert [link.label for link in at.page_link] == [
        say("home.look.go"),
        say("home.try.go"),
        say("home.bring.go"),
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_filled(filled, theme):
    at = open_page("home", theme)
    assert "Tiny cells" in [s.value for s in at.subheader]
    assert len(at.metric) == 3
    assert len(at.get("plotly_chart")) == 1
    assert say("home.no_study") not in words(at)


def test_what_waits_is_in_the_queue_and_in_the_sidebar(filled):
    store = Store(filled.home)
    submit(store, tiny_study(data_hash=store.study(filled.study).data_hash, seed=7))
    at = open_page("home")
    assert len(at.get("progress")) == 3
    assert say("frame.queue", running=0, waiting=3) in [c.value for c in at.sidebar.caption]


def test_the_device_is_said_on_every_page():
    at = open_page("home")
    said = [caption.value for caption in at.sidebar.caption]
    assert len(said) >= 2
    for name in PAGES[1:]:
        assert [caption.value for caption in go_to(at, name).sidebar.caption] == said


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("locale", ["pt-BR", "en-GB", "xx", ""])
def test_a_browser_in_any_language_gets_its_pages(page, locale):
    at = open_page("home")
    at.context["locale"] = locale
    assert at.title[0].value
    if page != "home":
        assert go_to(at, page).title[0].value
