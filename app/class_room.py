"""A server that is open for a class: who is let in by which word, and with which limits.

``kd-lab serve`` says so in the environment of the server. Without it there is no class: everything
is local and there is one owner.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field

import streamlit as st

from kd_core.errors import AccessError
from kd_core.study.folders import open_home
from kd_core.study.guessing import Guesses
from kd_core.study.people import People, check_nickname
from kd_core.study.rights import Person
from kd_core.study.signing import fingerprint, same, server_secret

CODE_ENV, TOKEN_ENV = "KDLAB_CLASS_CODE", "KDLAB_TEACHER_TOKEN"
PEOPLE_ENV, UPLOAD_ENV = "KDLAB_CLASS_PEOPLE", "KDLAB_CLASS_UPLOAD_MB"
MB = 1_000_000
WRONG_S = 1.0
"""So long a wrong word is thought about."""

FREE_BYTES = 2_000_000_000
"""What a class leaves free on the server's disk."""


@dataclass(frozen=True)
class Room:
    """What decides who may come in.

    Attributes:
        secret: Signs the names of visitors.
        code: The class code; empty where the server is not open for a class.
        token: The teacher's token.
        people: Who is in.
        upload_bytes: What a visitor may keep on the server's disk.
        guesses: Wrong words of the last minute.
    """

    secret: bytes
    code: str
    token: str
    people: People
    upload_bytes: int
    guesses: Guesses = field(default_factory=Guesses)

    @property
    def marks(self) -> tuple[str, str]:
        """What is stored with people in place of the code and the token."""
        return fingerprint(self.secret, self.code), fingerprint(self.secret, self.token)

    def who(self, name: str) -> Person:
        """Somebody by their signed name; a guest until they said the code."""
        return self.people.find(name, self.marks)

    def come_in(self, name: str, word: str, nickname: str) -> Person:
        """Let somebody in who says the class code, or as the teacher who says the token.

        Raises:
            AccessError: ``code_wrong``, ``too_many_tries``, ``nickname_form``,
                ``nickname_taken`` or ``class_full``.
        """
        check_nickname(nickname)
        self.guesses.attempt(name)
        said = word.strip()
        # Both are always compared, so that the time tells nothing.
        teacher, visitor = (same(self.secret, said, word) for word in (self.token, self.code))
        if not said or not (teacher or visitor):
            time.sleep(WRONG_S)
            raise AccessError("code_wrong")
        self.guesses.right(name)
        code, token = self.marks
        if teacher:
            return self.people.enter(name, "teacher", nickname, token, self.marks)
        return self.people.enter(name, "visitor", nickname, code, self.marks)


def class_open() -> bool:
    """Whether this server is open for a class."""
    return bool(os.environ.get(CODE_ENV) and os.environ.get(TOKEN_ENV))


@st.cache_resource(show_spinner=False)
def room() -> Room:
    """The one room of this server."""
    root = open_home().root
    return Room(
        secret=server_secret(root),
        code=os.environ.get(CODE_ENV, ""),
        token=os.environ.get(TOKEN_ENV, ""),
        people=People(root, most=int(os.environ.get(PEOPLE_ENV, "60"))),
        upload_bytes=int(os.environ.get(UPLOAD_ENV, "200")) * MB,
    )


@st.cache_resource(show_spinner=False)
def secret() -> bytes:
    """What this server signs names with."""
    return server_secret(open_home().root)
