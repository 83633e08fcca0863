"""Who is looking: a signed name that outlives F5, a lost connection and a restart of the server.

The name is kept in a cookie and is never part of an address, so that a visitor who is sent an
address cannot stop somebody else's run. It is signed with a secret of this home (see
``kd_core/study/signing.py``): a name that was made up or changed is a new visitor's.
"""

from __future__ import annotations

import os
import time

import streamlit as st

from app.class_room import class_open, room, secret
from kd_core.study.rights import Person, Right, require, require_own
from kd_core.study.signing import fingerprint, new_name, sign, verify

FRESH_S = 1.0
"""So long is remembered who somebody is before the list of the class is read again."""


def cookie_name() -> str:
    """Cookies of a host are shared by its ports: each home has a cookie of its own."""
    return f"kdlab_{fingerprint(secret(), 'cookie')[:8]}"


def _name() -> str:
    if "visitor" not in st.session_state:
        known = verify(secret(), st.context.cookies.get(cookie_name()))
        st.session_state["visitor"] = known or new_name()
    return str(st.session_state["visitor"])


def remember() -> None:
    """Write the cookie once a session, where the browser has none of ours yet."""
    signed = sign(secret(), _name())
    if st.context.cookies.get(cookie_name()) != signed:
        secure = "location.protocol==='https:'?';Secure':''"
        script = (
            f"document.cookie='{cookie_name()}={signed};path=/;max-age=31536000;SameSite=Strict'"
            f"+({secure})"
        )
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def person() -> Person:
    """Who acts, with the role that decides what they may do."""
    name = _name()
    if not class_open():
        return Person(name, "member" if shared_server() else "owner")
    at, known = st.session_state.get("person", (0.0, None))
    if known is None or time.monotonic() - at > FRESH_S:
        known = room().who(name)
        st.session_state["person"] = (time.monotonic(), known)
    return known  # type: ignore[no-any-return]


def come_in(word: str, nickname: str) -> Person:
    """Say the class code or the teacher's token; who one is then.

    Raises:
        AccessError: As :meth:`app.class_room.Room.come_in`.
    """
    found = room().come_in(_name(), word, nickname)
    ask_again()
    return found


def ask_again() -> None:
    """Read at once who this visitor is: their role has changed."""
    st.session_state.pop("person", None)


def visitor() -> str:
    """The name under which this visitor's runs, studies and devices are stored."""
    return person().owner


def shared_server() -> bool:
    """Whether several people use this server: a class, or ``KDLAB_SHARED=1``."""
    return class_open() or os.environ.get("KDLAB_SHARED", "") == "1"


def may(right: Right) -> bool:
    """Whether this visitor has a right, for pages that leave out what would be refused."""
    return person().may(right)


def may_change(owner: str) -> bool:
    """Whether this visitor may stop or delete what ``owner`` made."""
    return person().may_change(owner)


def allowed(right: Right) -> Person:
    """This visitor, who has the right.

    Raises:
        AccessError: ``not_allowed`` or ``class_code_needed``.
    """
    require(person(), right)
    return person()


def allowed_own(owner: str) -> Person:
    """This visitor, who made it or may change what others made.

    Raises:
        AccessError: ``not_yours`` or ``class_code_needed``.
    """
    require_own(person(), owner)
    return person()
