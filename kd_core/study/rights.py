"""Who may do what: roles, rights, and the table that joins them.

A service that changes something, or that reads what is not everybody's, asks :func:`require`
before it does anything. Hiding a button is a courtesy to the reader and protects nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from kd_core.errors import AccessError

Role = Literal[
    "owner",  # who runs the program for themselves: everything is theirs
    "teacher",  # who said the teacher's token to a server that is open for a class
    "member",  # one of several who share a server without a class (KDLAB_SHARED=1)
    "visitor",  # who said the class code
    "guest",  # who said nothing yet
]
Right = Literal[
    "look",  # see the pages
    "start",  # start runs and other long computations
    "upload",  # bring files to the server
    "fetch",  # download public data sets to the server, where they stay
    "browse",  # read the server's data root
    "open_test",  # unseal the test part of a study
    "change_others",  # stop, resume and delete what others made
    "machine",  # measure the machine that everybody uses
    "board",  # open, close, reset and wipe what belongs to the class
]

RIGHTS: dict[Right, frozenset[Role]] = {
    "look": frozenset({"owner", "teacher", "member", "visitor"}),
    "start": frozenset({"owner", "teacher", "member", "visitor"}),
    "upload": frozenset({"owner", "teacher", "member", "visitor"}),
    "fetch": frozenset({"owner", "teacher", "member"}),
    "browse": frozenset({"owner", "member"}),
    "open_test": frozenset({"owner", "teacher", "member"}),
    "change_others": frozenset({"owner", "teacher"}),
    "machine": frozenset({"owner", "teacher"}),
    "board": frozenset({"owner", "teacher"}),
}
ROLES: tuple[Role, ...] = get_args(Role)

VISITOR, TEACHER = "v-", "t-"
"""How the names begin under which people of a class own their runs."""


@dataclass(frozen=True)
class Person:
    """Who acts.

    Attributes:
        id: Random, 24 hex digits; says nothing about anybody.
        role: Decides what they may do.
        nickname: What they chose to be called; empty outside a class.
    """

    id: str
    role: Role
    nickname: str = ""

    @property
    def owner(self) -> str:
        """The name under which their runs are stored: it says whether a class's limits hold.

        >>> Person("07af", "visitor").owner, Person("07af", "owner").owner
        ('v-07af', '07af')
        """
        prefix = {"visitor": VISITOR, "teacher": TEACHER}.get(self.role, "")
        return prefix + self.id

    def may(self, right: Right) -> bool:
        """Whether their role has a right."""
        return self.role in RIGHTS[right]

    def owns(self, owner: str) -> bool:
        """Whether they made something; a visitor who became the teacher keeps what was theirs.

        >>> Person("07af", "teacher").owns("v-07af"), Person("07af", "visitor").owns("")
        (True, False)
        """
        return owner.removeprefix(VISITOR).removeprefix(TEACHER) == self.id

    def may_change(self, owner: str) -> bool:
        """Whether they may stop, resume or delete what ``owner`` made."""
        return self.may("change_others") or (self.may("start") and self.owns(owner))


def require(person: Person, right: Right) -> None:
    """Go on only where a person has a right.

    Raises:
        AccessError: ``not_allowed``; ``class_code_needed`` for who has not come in yet.
    """
    if person.may(right):
        return
    if person.role == "guest":
        raise AccessError("class_code_needed")
    raise AccessError("not_allowed", what={"id": f"right.{right}", "params": {}})


def require_own(person: Person, owner: str) -> None:
    """Go on only where a person made something, or may change what others made.

    Raises:
        AccessError: ``not_yours``; ``class_code_needed`` for who has not come in yet.
    """
    if person.may_change(owner):
        return
    if person.role == "guest":
        raise AccessError("class_code_needed")
    raise AccessError("not_yours")


def of_class(owner: str) -> bool:
    """Whether a visitor of a class made something: the class's limits hold, and a wipe takes it."""
    return owner.startswith(VISITOR)
