import os
import stat
import threading

import pytest

from kd_core.study.signing import (
    FILE,
    fingerprint,
    new_name,
    same,
    server_secret,
    sign,
    verify,
)


def test_a_secret_is_made_once_and_readable_by_its_owner_alone(tmp_path):
    first = server_secret(tmp_path)
    assert len(first) == 32
    assert server_secret(tmp_path) == first
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_secret_that_others_can_read_is_closed_to_them(tmp_path):
    server_secret(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    server_secret(tmp_path)
    if os.name != "nt":
        assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_two_servers_that_start_at_once_end_with_one_secret(tmp_path):
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(server_secret(tmp_path))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert len(found) == 8


def test_a_signed_name_is_known_again(tmp_path):
    secret, name = server_secret(tmp_path), new_name()
    assert verify(secret, sign(secret, name)) == name


@pytest.mark.parametrize("forge", [
    lambda good: good[:-1] + ("0" if good[-1] != "0" else "1"),  # another signature
    lambda good: ("0" if good[0] != "0" else "1") + good[1:],  # another name
    lambda good: good.partition(".")[0],  # no signature
    lambda good: good + "0",
    lambda good: good.upper(),
    lambda good: "",
    lambda good: None,
])  # fmt: skip
def test_a_forged_name_is_nobody(forge):
    good = sign(b"ours", "0123456789abcdef01234567")
    assert verify(b"ours", forge(good)) is None


def test_codes_are_compared_whole_and_stored_as_fingerprints():
    assert same(b"k", "blue heron", "blue heron")
    assert not same(b"k", "blue heron", "blue heron ")
    assert not same(b"k", "", "blue heron")
    assert "heron" not in fingerprint(b"k", "blue heron")
    assert fingerprint(b"k", "a") != fingerprint(b"l", "a")
    # The fingerprint of a code is never the signature of a name.
    name = "0" * 24
    assert sign(b"k", name) != f"{name}.{fingerprint(b'k', name)}"
