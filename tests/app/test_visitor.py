"""Who somebody is: their cookie, the class code, the teacher's token."""

import pytest
import streamlit as st

from app import class_room, visitor
from app.class_room import CODE_ENV, TOKEN_ENV, room
from kd_core.errors import AccessError
from kd_core.study.signing import new_name, sign

CODE, TOKEN = "heron-7", "grey-heron-77"


class Browser:
    """A browser with its cookies; a visit is a new session of the server."""

    def __init__(self, monkeypatch):
        self.cookies = {}
        self._monkeypatch = monkeypatch

    def visit(self):
        """Open the page: an empty session, the cookies as they are."""
        self._monkeypatch.setattr(st, "session_state", {})
        context = type("Context", (), {"cookies": self.cookies})()
        self._monkeypatch.setattr(st, "context", context)
        return self

    def keep(self):
        """Write down what the page's script would have written."""
        self.cookies = {visitor.cookie_name(): sign(class_room.secret(), visitor._name())}
        return self


@pytest.fixture
def browser(monkeypatch):
    monkeypatch.setattr(class_room, "WRONG_S", 0.0)
    monkeypatch.setenv(CODE_ENV, CODE)
    monkeypatch.setenv(TOKEN_ENV, TOKEN)
    return Browser(monkeypatch)


def restart():
    """A server that forgot everything but what is in the home."""
    st.cache_resource.clear()


def test_a_new_visitor_is_a_guest_and_comes_in_with_the_code(browser):
    browser.visit()
    assert visitor.person().role == "guest"
    with pytest.raises(AccessError, match="class_code_needed"):
        visitor.allowed("look")
    assert visitor.come_in(CODE, "Ana").role == "visitor"
    assert visitor.person().nickname == "Ana"
    visitor.allowed("start")


def test_a_visitor_is_known_after_a_reload_and_a_restart(browser):
    browser.visit()
    visitor.come_in(CODE, "Ana")
    name = visitor.visitor()
    room().people.answer(visitor.person().id, "loss", "alpha", "0.5", True)
    browser.keep().visit()
    assert (visitor.visitor(), visitor.person().nickname) == (name, "Ana")
    restart()
    browser.visit()
    assert (visitor.visitor(), visitor.person().nickname) == (name, "Ana")
    assert room().people.answers(visitor.person().id, "loss") == {"alpha": "0.5"}


def test_a_forged_cookie_is_a_new_visitor(browser):
    browser.visit()
    visitor.come_in(CODE, "Ana")
    theirs = visitor.person().id
    for forged in (theirs, f"{theirs}.{'0' * 32}", sign(b"another secret", theirs)):
        browser.cookies = {visitor.cookie_name(): forged}
        browser.visit()
        assert visitor.person().id != theirs
        assert visitor.person().role == "guest"


def test_another_home_does_not_take_the_cookie_of_this_one(browser, tmp_path, monkeypatch):
    browser.visit()
    visitor.come_in(CODE, "Ana")
    browser.keep()
    mine = visitor.cookie_name()
    monkeypatch.setenv("KDLAB_HOME", str(tmp_path / "another"))
    restart()
    browser.visit()
    assert visitor.cookie_name() != mine  # so that neither overwrites the other's
    assert visitor.person().role == "guest"


def test_the_token_makes_a_teacher_and_what_they_had_stays_theirs(browser):
    browser.visit()
    visitor.come_in(CODE, "Rui")
    before = visitor.visitor()
    assert not visitor.may("board")
    visitor.come_in(TOKEN, "Rui")
    assert visitor.person().role == "teacher"
    assert visitor.may("board")
    assert visitor.may_change(before)
    assert visitor.visitor() != before  # a wipe of the visitors leaves what comes from now on


@pytest.mark.parametrize("word", ["", "heron", "HERON-7", "heron-77", "grey-heron-7"])
def test_a_wrong_word_opens_nothing(browser, word):
    browser.visit()
    with pytest.raises(AccessError, match="code_wrong"):
        visitor.come_in(word, "Ana")
    assert visitor.person().role == "guest"


def test_guessing_is_slowed_down_for_one_and_for_all(browser):
    browser.visit()
    for _ in range(5):
        with pytest.raises(AccessError, match="code_wrong"):
            visitor.come_in("guess", "Ana")
    with pytest.raises(AccessError, match="too_many_tries"):
        visitor.come_in(CODE, "Ana")  # even with the right word: it has to wait
    for _ in range(55):
        with pytest.raises(AccessError, match="code_wrong"):
            room().come_in(new_name(), "guess", "Ben")
    with pytest.raises(AccessError, match="too_many_tries"):
        room().come_in(new_name(), "guess", "Ben")


def test_a_new_code_asks_everybody_again(browser, monkeypatch):
    browser.visit()
    visitor.come_in(CODE, "Ana")
    browser.keep()
    monkeypatch.setenv(CODE_ENV, "stork-8")
    restart()
    browser.visit()
    assert visitor.person().role == "guest"
    visitor.come_in("stork-8", "Ana")
    assert visitor.person().role == "visitor"


def test_after_a_wipe_who_was_in_is_a_guest(browser, monkeypatch):
    browser.visit()
    visitor.come_in(CODE, "Ana")
    room().people.wipe()
    monkeypatch.setattr(visitor, "FRESH_S", -1.0)
    assert visitor.person().role == "guest"


def test_without_a_class_nobody_is_asked(browser, monkeypatch):
    monkeypatch.delenv(CODE_ENV)
    browser.visit()
    assert visitor.person().role == "owner"
    assert visitor.visitor() == visitor.person().id
    assert visitor.may_change("somebody")
    assert not visitor.shared_server()
