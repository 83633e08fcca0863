"""The language of a visit: from the browser, the address, or the switch."""

import pytest
import streamlit as st

from app import texts
from kd_core.errors import AccessError, StoreError


@pytest.fixture
def visit(monkeypatch):
    """Begin a visit with a browser's language and an address."""

    def begin(locale="en-US", **address):
        monkeypatch.setattr(st, "session_state", {})
        monkeypatch.setattr(st, "query_params", dict(address))
        monkeypatch.setattr(st, "context", type("Context", (), {"locale": locale})())
        monkeypatch.setattr(st, "html", lambda *_, **__: None)
        texts.carry_language()

    return begin


@pytest.mark.parametrize(("locale", "language"), [
    ("pt-BR", "pt_BR"), ("pt-PT", "pt_BR"), ("en-GB", "en"), ("fi", "en"), (None, "en"),
])  # fmt: skip
def test_the_browser_says_the_language(visit, locale, language):
    visit(locale)
    assert texts.language() == language
    assert st.query_params == {}  # nobody chose anything


def test_an_address_opens_in_its_language_for_everybody(visit):
    visit("en-US", lang="pt_BR", study="s1")
    assert texts.language() == "pt_BR"
    assert st.query_params == {"lang": "pt_BR", "study": "s1"}
    visit("pt-BR", lang="en")
    assert texts.language() == "en"


def test_an_address_with_an_unknown_language_is_the_browsers(visit):
    visit("pt-BR", lang="../../etc")
    assert texts.language() == "pt_BR"


def test_what_is_chosen_goes_into_the_address(visit):
    visit("en-US")
    st.session_state["language"] = "pt_BR"
    texts._chose()
    texts.carry_language()
    assert st.query_params == {"lang": "pt_BR"}
    assert texts.say("page.data") == "Dados"
    assert texts.number(0.5, "score") == "0,500"


def test_a_download_is_made_in_the_language_of_its_page(visit):
    visit("pt-BR")
    make = texts.in_this_language(lambda: texts.say("page.data"))
    visit("en-US")  # as in Streamlit's thread, which knows nothing of the visitor
    assert make() == "Dados"
    assert texts.say("page.data") == "Data"


def test_a_fragment_says_what_went_wrong_and_asks_who_was_let_out_to_come_in(monkeypatch):
    shown, anew = [], []
    monkeypatch.setattr(texts, "show_error", lambda error: shown.append(error.code))
    monkeypatch.setattr(texts.st, "rerun", lambda: anew.append(True))

    @texts.guarded
    def draw(error):
        raise error

    draw(StoreError("run_unknown", run="r1"))
    assert (shown, anew) == (["run_unknown"], [])
    draw(AccessError("class_code_needed"))
    assert (shown, anew) == (["run_unknown"], [True])
    with pytest.raises(ZeroDivisionError):
        draw(ZeroDivisionError())
