"""What a visitor of a class uploads stays within their limit, packed and unpacked."""

import io
import zipfile

import pytest
import streamlit as st

from app import incoming, services, visitor
from app.class_room import CODE_ENV, TOKEN_ENV
from kd_core.errors import AccessError, UploadError
from kd_core.study.rights import Person

LIMIT = 1_000_000


def upload(name, content):
    file = io.BytesIO(content)
    file.name, file.size = name, len(content)
    return file


def archive(n_bytes, of=b"0"):
    """A zip of one picture file that unpacks to so many bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("ring/1.bmp", of * n_bytes)
    return packed.getvalue()


@pytest.fixture
def ana(monkeypatch):
    monkeypatch.setenv(CODE_ENV, "heron-7")
    monkeypatch.setenv(TOKEN_ENV, "grey-heron-77")
    monkeypatch.setenv("KDLAB_CLASS_UPLOAD_MB", "1")
    monkeypatch.setattr(services, "FREE_BYTES", 0)
    me = Person("a" * 24, "visitor", "Ana")
    for module in (visitor, services, incoming):
        monkeypatch.setattr(module, "person", lambda: me)
    monkeypatch.setattr(st, "session_state", {})
    return me


def folders():
    return list((services.services().store.home.cache / incoming.INCOMING).iterdir())


def test_an_upload_beyond_the_limit_is_refused_before_anything_is_written(ana):
    with pytest.raises(AccessError, match="upload_limit"):
        incoming.receive([upload("cells.zip", b"0" * (LIMIT + 1))])
    assert not (services.services().store.home.cache / incoming.INCOMING).exists()


def test_what_an_archive_unpacks_to_counts(ana):
    with pytest.raises(UploadError) as caught:
        incoming.receive([upload("cells.zip", archive(LIMIT + 1))])
    assert caught.value.code in ("zip_unpacked", "zip_ratio")
    assert not [path for folder in folders() for path in folder.rglob("*") if path.is_file()]
    path = incoming.receive([upload("cells.zip", archive(1000))])
    assert (path / "1.bmp").is_file() or (path / "ring" / "1.bmp").is_file()


def test_another_window_of_the_same_visitor_takes_the_place_of_the_first(ana, monkeypatch):
    first = incoming.receive([upload("cells.zip", archive(1000))])
    monkeypatch.setattr(st, "session_state", {})  # another window
    second = incoming.receive([upload("cells.zip", archive(1000))])
    assert not first.exists()
    assert second.exists()
    (folder,) = folders()
    assert folder.name.startswith(ana.owner)
