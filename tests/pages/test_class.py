"""A server that is open for a class, page by page."""

import pytest

from app import class_room
from app.class_room import CODE_ENV, TOKEN_ENV
from app.services import services
from tests.helpers_app import say
from tests.pages.conftest import texts

CODE, TOKEN = "heron-7", "grey-heron-77"


@pytest.fixture(autouse=True)
def class_open(monkeypatch, empty):
    monkeypatch.setattr(class_room, "WRONG_S", 0.0)
    monkeypatch.setenv(CODE_ENV, CODE)
    monkeypatch.setenv(TOKEN_ENV, TOKEN)


def come_in(at, word, nickname="Ana"):
    at.text_input[0].set_value(word)
    at.text_input[1].set_value(nickname)
    at.button[0].click().run()
    assert not at.exception
    return at


def test_nothing_is_shown_before_the_code_and_the_page_asked_for_after_it(open_page):
    at = open_page("class")
    assert [title.value for title in at.title] == [say("class.enter.title")]
    assert not at.metric
    assert not at.dataframe
    come_in(at, "wrong")
    assert say("error.code_wrong") in texts(at)
    come_in(at, CODE)
    assert say("page.class") in [title.value for title in at.title]
    assert "Ana" in texts(at)


def test_a_visitor_sees_no_control_of_the_teachers_and_a_teacher_does(open_page):
    at = come_in(open_page("class"), CODE)
    assert say("class.wipe.yes") not in {button.label for button in at.button}
    at.text_input[0].set_value(TOKEN)
    next(b for b in at.button if b.label == say("class.teacher.go")).click().run()
    assert not at.exception
    labels = {button.label for button in at.button}
    assert {say("class.set.save"), say("class.reset"), say("class.wipe.yes")} <= labels
    assert "(teacher)" in texts(at)


def test_after_a_wipe_the_door_says_what_was_removed(open_page):
    at = come_in(open_page("class"), TOKEN, "Rui")
    next(box for box in at.checkbox if box.label == say("class.wipe.sure")).check().run()
    next(b for b in at.button if b.label == say("class.wipe.yes")).click().run()
    assert not at.exception
    assert [title.value for title in at.title] == [say("class.enter.title")]
    told = say("class.wiped", runs=0, datasets=0, files=0, devices=0, people=1, size=0)
    assert told in texts(at)
    come_in(at, TOKEN, "Rui")
    assert told not in texts(at)


def test_the_teacher_opens_the_board(open_page):
    at = come_in(open_page("class"), TOKEN, "Rui")
    assert say("class.board.closed") in texts(at)
    at.checkbox[0].check()
    at.number_input[0].set_value(0.5)
    next(b for b in at.button if b.label == say("class.set.save")).click().run()
    assert not at.exception
    assert say("class.board.open", dataset="sample") in texts(at)
    assert say("class.board.budget", budget=500_000) in texts(at)
    assert say("class.set.saved") in texts(at)


def test_the_data_root_and_public_sets_are_not_offered_to_a_visitor(
    open_page, monkeypatch, tmp_path
):
    monkeypatch.setenv("KDLAB_DATA_ROOT", str(tmp_path))
    at = come_in(open_page("data"), CODE)
    tabs = {tab.label for tab in at.tabs}
    assert say("data.way.upload") in tabs
    assert not {say("data.way.server"), say("data.way.public")} & tabs


def test_the_page_of_the_class_is_not_there_without_a_class(open_page, monkeypatch):
    monkeypatch.delenv(CODE_ENV)
    at = open_page("home")
    assert not at.exception
    assert say("home.title") in [title.value for title in at.title]


def test_a_guest_gets_nothing_from_the_services(open_page):
    at = open_page("home")
    assert "person" in at.session_state  # somebody was asked for
    assert at.session_state["person"][1].role == "guest"
    assert services().store is not None  # the server's own threads are not visitors


def test_the_teacher_frees_one_place(open_page):
    come_in(open_page("class"), CODE, "Ana")
    at = come_in(open_page("class"), TOKEN, "Rui")
    assert next(s for s in at.selectbox if s.key == "class-let-out").options == ["Ana"]
    next(b for b in at.button if b.key == "class-let-out-go").click().run()
    assert not at.exception
    assert [one.nickname for one in class_room.room().people.everybody()] == ["Rui"]
