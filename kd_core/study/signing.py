"""Names that cannot be made up: signed by a secret that only this home knows.

The secret stands in ``<home>/server.secret``, readable by its owner alone. A cookie carries a
name and its signature (HMAC-SHA256, RFC 2104, cut to 128 bits); whoever invents or changes a name
cannot sign it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

import filelock

from kd_core.study.folders import disk_errors

FILE = "server.secret"
BYTES = 32
_SIGNED = re.compile(r"([0-9a-f]{24})\.([0-9a-f]{32})")


def server_secret(home: Path) -> bytes:
    """The secret of a home; made once, whoever asks first.

    Raises:
        StoreError: ``home_not_writable``, ``disk_full``.
    """
    path = home / FILE
    with disk_errors(path), filelock.FileLock(home / "secret.lock"):
        if not path.is_file():
            aside = home / f".{FILE}"
            file = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(file, "w", encoding="ascii") as out:
                out.write(secrets.token_hex(BYTES))
            aside.replace(path)
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return bytes.fromhex(path.read_text(encoding="ascii"))


def new_name() -> str:
    """A random name: 24 hex digits."""
    return secrets.token_hex(12)


def sign(secret: bytes, name: str) -> str:
    """The name with its signature.

    >>> verify(b"ours", sign(b"ours", "0" * 24)) == "0" * 24
    True
    >>> verify(b"ours", sign(b"theirs", "0" * 24)) is None
    True
    """
    return f"{name}.{_mark(secret, name)}"


def verify(secret: bytes, signed: object) -> str | None:
    """The name, where the signature is ours; ``None`` for anything else."""
    found = _SIGNED.fullmatch(signed) if isinstance(signed, str) else None
    if found is None or not hmac.compare_digest(found[2], _mark(secret, found[1])):
        return None
    return found[1]


def fingerprint(secret: bytes, text: str) -> str:
    """What may be stored in place of a code: it tells codes apart and does not give them away."""
    return hmac.new(secret, b"code\0" + text.encode(), hashlib.sha256).hexdigest()[:32]


def same(secret: bytes, given: str, wanted: str) -> bool:
    """Whether two words are equal, in a time that does not tell how far they agree.

    >>> same(b"ours", "blue-heron", "blue-heron"), same(b"ours", "blue-herom", "blue-heron")
    (True, False)
    """
    return hmac.compare_digest(fingerprint(secret, given), fingerprint(secret, wanted))


def _mark(secret: bytes, name: str) -> str:
    return hmac.new(secret, b"name\0" + name.encode(), hashlib.sha256).hexdigest()[:32]
