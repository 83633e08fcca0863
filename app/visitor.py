"""Who is looking: an anonymous name that outlives F5 and is never part of an address.

The name is kept in a cookie, so that a visitor who reloads the page may still stop their own
run, and a visitor who is sent an address cannot stop somebody else's.
"""

from __future__ import annotations

import os
import re
import secrets

import streamlit as st

COOKIE = "kdlab_visitor"
_NAME = re.compile(r"[0-9a-f]{24}")


def visitor() -> str:
    """This visitor's name: 24 hex digits."""
    if "visitor" not in st.session_state:
        known = st.context.cookies.get(COOKIE)
        valid = isinstance(known, str) and _NAME.fullmatch(known)
        st.session_state["visitor"] = known if valid else secrets.token_hex(12)
    return str(st.session_state["visitor"])


def remember() -> None:
    """Write the cookie once a session, where the browser has none yet."""
    name = visitor()
    if st.context.cookies.get(COOKIE) != name:
        script = f"document.cookie='{COOKIE}={name};path=/;max-age=31536000;SameSite=Strict'"
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def shared_server() -> bool:
    """Whether several people use this server (``KDLAB_SHARED=1``): each controls only their own."""
    return os.environ.get("KDLAB_SHARED", "") == "1"


def may_change(owner: str) -> bool:
    """Whether this visitor may stop or delete what ``owner`` made."""
    return not shared_server() or owner == visitor()
