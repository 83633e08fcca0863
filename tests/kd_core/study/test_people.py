import pytest

from kd_core.errors import AccessError
from kd_core.study.people import People, check_nickname

ROOMS = ("code-1", "token-1")


@pytest.fixture
def people(tmp_path):
    found = People(tmp_path, most=3)
    yield found
    found.close()


def test_somebody_is_a_guest_until_they_came_in(people):
    assert people.find("a", ROOMS).role == "guest"
    people.enter("a", "visitor", "Ana", "code-1")
    found = people.find("a", ROOMS)
    assert (found.role, found.nickname) == ("visitor", "Ana")


def test_a_new_code_asks_everybody_again_and_forgets_nothing(people):
    people.enter("a", "visitor", "Ana", "code-1")
    people.answer("a", "loss", "alpha", "0.5", True)
    assert people.find("a", ("code-2", "token-2")).role == "guest"
    people.enter("a", "visitor", "Ana", "code-2")
    assert people.answers("a", "loss") == {"alpha": "0.5"}


def test_what_is_known_survives_a_restart(people, tmp_path):
    people.enter("a", "teacher", "Rui", "token-1")
    people.close()
    assert People(tmp_path).find("a", ROOMS).nickname == "Rui"


def test_a_visitor_can_become_the_teacher_with_the_same_name(people):
    people.enter("a", "visitor", "Ana", "code-1")
    people.enter("a", "teacher", "Ana", "token-1")
    assert people.find("a", ROOMS).role == "teacher"
    assert len(people.present(ROOMS)) == 1


def test_nicknames_are_different(people):
    people.enter("a", "visitor", "Ana", "code-1")
    with pytest.raises(AccessError, match="nickname_taken"):
        people.enter("b", "visitor", "ANA", "code-1")
    people.enter("a", "visitor", "Ana", "code-1")  # one's own is free


def test_no_visitor_is_called_like_the_teacher(people):
    people.enter("t", "teacher", "Rui", "token-1", ROOMS)
    with pytest.raises(AccessError, match="nickname_taken"):
        people.enter("a", "visitor", "rui", "code-1", ROOMS)
    people.enter("a", "visitor", "rui", "code-2", ("code-2", "token-2"))  # another day's class


@pytest.mark.parametrize("name", ["", "  ", "a" * 25, "<b>x</b>", "[x](http://y)", "*x*", "x\ny|z"])
def test_a_nickname_is_a_few_plain_letters(name):
    with pytest.raises(AccessError, match="nickname_form"):
        check_nickname(name)


def test_a_class_can_be_full_but_not_for_its_teacher(people):
    for number in range(3):
        people.enter(f"p{number}", "visitor", f"P{number}", "code-1")
    with pytest.raises(AccessError, match="class_full"):
        people.enter("late", "visitor", "Late", "code-1")
    people.enter("t", "teacher", "Rui", "token-1")


def test_uploads_count_up_to_the_limit_and_not_after_they_are_gone(people):
    people.note_upload("a", "file", "w.pt", 60, limit_bytes=100)
    with pytest.raises(AccessError, match="upload_limit"):
        people.note_upload("a", "dataset", "cells", 41, limit_bytes=100)
    assert people.upload_bytes("a") == 60
    people.note_upload("b", "dataset", "cells", 100, limit_bytes=100)
    assert people.brought("dataset", "cells") == "b"
    people.forget_upload("file", "w.pt")
    people.note_upload("a", "file", "v.pt", 100, limit_bytes=100)


def test_answers_are_counted_without_names(people):
    people.answer("a", "loss", "alpha", "1", False)
    people.answer("a", "loss", "alpha", "0", True)  # changed their mind
    people.answer("b", "loss", "alpha", "0", True)
    people.answer("b", "logits", "alpha", "0", True)
    assert people.counts("loss") == [("alpha", "0", 2, True)]


def test_settings_are_for_all(people, tmp_path):
    assert people.setting("lessons") is None
    people.set("lessons", ["loss", "history"])
    assert People(tmp_path).setting("lessons") == ["loss", "history"]


def test_a_wipe_forgets_everybody(people):
    people.enter("a", "visitor", "Ana", "code-1")
    people.answer("a", "loss", "alpha", "1", False)
    people.note_upload("a", "file", "w.pt", 60)
    people.set("board", {})
    assert people.wipe() == 1
    assert people.everybody() == []
    assert people.answers("a", "loss") == {}
    assert people.uploads() == []
    assert people.setting("board") is None


def test_one_person_can_be_let_out_so_that_their_place_is_free(people):
    for person, name in (("a", "Ana"), ("b", "Bea"), ("c", "Caio")):
        people.enter(person, "visitor", name, "code-1")
    people.answer("b", "loss", "alpha", "0.5", True)
    people.note_upload("b", "file", "w.pt", 5)
    assert people.remove("b")
    assert people.find("b", ROOMS).role == "guest"
    assert people.answers("b", "loss") == {}
    assert [upload.name for upload in people.uploads()] == ["w.pt"]  # until the wipe
    people.enter("d", "visitor", "Bea", "code-1")
    assert not people.remove("b")
