import pytest

from kd_core.errors import AccessError
from kd_core.study.rights import RIGHTS, ROLES, Person, of_class, require, require_own

# Written down a second time, so that a change of the table is a decision.
TABLE = {
    "owner": "look start upload fetch browse open_test change_others machine board",
    "teacher": "look start upload fetch open_test change_others machine board",
    "member": "look start upload fetch browse open_test",
    "visitor": "look start upload",
    "guest": "",
}
OTHER = "0" * 24


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("right", RIGHTS)
def test_a_role_has_the_rights_of_the_table_and_no_other(role, right):
    person = Person("a" * 24, role)
    if right in TABLE[role].split():
        require(person, right)
        return
    with pytest.raises(AccessError) as caught:
        require(person, right)
    assert caught.value.code == ("class_code_needed" if role == "guest" else "not_allowed")


@pytest.mark.parametrize("role", ROLES)
def test_what_is_ones_own_may_be_changed_and_what_is_not_only_with_the_right(role):
    person = Person("a" * 24, role)
    for owner, may in (
        (person.owner, "start" in TABLE[role].split()),
        (OTHER, "change_others" in TABLE[role].split()),
        ("", "change_others" in TABLE[role].split()),
    ):
        assert person.may_change(owner) == may
        if may:
            require_own(person, owner)
        else:
            with pytest.raises(AccessError):
                require_own(person, owner)


def test_a_visitor_who_becomes_the_teacher_keeps_what_was_theirs():
    visitor, teacher = Person("a" * 24, "visitor"), Person("a" * 24, "teacher")
    assert visitor.owner != teacher.owner
    assert teacher.owns(visitor.owner)
    assert visitor.owns(teacher.owner)


def test_only_a_visitors_things_are_the_classs():
    assert of_class(Person("a" * 24, "visitor").owner)
    assert not any(
        of_class(Person("a" * 24, role).owner) for role in ("owner", "teacher", "member")
    )
    assert not of_class("")
