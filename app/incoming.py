"""Files on their way in: a private folder a visit, checked before anything is decoded."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import streamlit as st

from app.progress import Bar
from app.services import services, upload_room
from app.visitor import person, visitor
from kd_core.data.disk import need_space
from kd_core.data.upload_common import Limits
from kd_core.data.uploads import check_csv, check_npz, safe_name, safe_unzip
from kd_core.errors import UploadError
from kd_core.study.wipe import INCOMING

KEPT_S = 24 * 3600
"""Folders of visits that ended without adding their data are removed after a day."""


def receive(uploads: list[Any]) -> Path:
    """Check and unpack what a visitor uploaded; the path to read.

    Args:
        uploads: One .zip or .npz, or a .csv with the .zip of its images.

    Raises:
        UploadError: Those of ``kd_core.data.uploads``, or ``upload_mixed`` for files that do not
            belong together.
        AccessError: As :func:`app.services.upload_room`.
        StoreError: ``disk_full``.
    """
    upload_room(sum(upload.size for upload in uploads))
    by_kind = {Path(upload.name).suffix.lower(): upload for upload in uploads}
    if len(by_kind) != len(uploads) or set(by_kind) not in ({".zip"}, {".npz"}, {".zip", ".csv"}):
        raise UploadError("upload_mixed", names=[upload.name for upload in uploads])
    folder = _fresh_folder()
    need_space(folder, sum(upload.size for upload in uploads))
    if ".npz" in by_kind:
        check_npz(by_kind[".npz"])
        return _keep(by_kind[".npz"], folder)
    root = _unpack(by_kind[".zip"], folder / safe_name(Path(by_kind[".zip"].name).stem))
    if ".csv" in by_kind:
        check_csv(by_kind[".csv"])
        return _keep(by_kind[".csv"], root)
    return root


def unpack(path: Path) -> Path:
    """Unpack an archive that is on the server already, such as a downloaded public set."""
    return _unpack(path, _fresh_folder() / safe_name(path.stem))


def _unpack(source: Any, to: Path) -> Path:
    left = upload_room()
    limits = Limits() if left is None else Limits(unpacked_bytes=max(1, left))
    with Bar() as bar:
        safe_unzip(source, to, limits, progress=bar)
    return _root_of(to)


def _keep(upload: Any, folder: Path) -> Path:
    path = folder / safe_name(upload.name)
    upload.seek(0)
    with path.open("wb") as file:
        shutil.copyfileobj(upload, file)
    return path


def _root_of(folder: Path) -> Path:
    """The folder itself, or the only folder in it, as most archives have one around everything."""
    inside = list(folder.iterdir())
    while len(inside) == 1 and inside[0].is_dir() and not _has_images(inside[0]):
        folder = inside[0]
        inside = list(folder.iterdir())
    return folder


def _has_images(folder: Path) -> bool:
    return any(path.is_file() for path in folder.iterdir())


def _fresh_folder() -> Path:
    """An empty private folder of this visit; what an earlier upload of it left is removed.

    A visitor of a class has one for all their windows, so that it cannot grow by opening more.
    """
    home = services().store.home.cache / INCOMING
    home.mkdir(parents=True, exist_ok=True)
    discard()
    if person().role == "visitor":
        for old in home.glob(f"{visitor()}-*"):
            shutil.rmtree(old, ignore_errors=True)
    for old in home.iterdir():
        if time.time() - old.stat().st_mtime > KEPT_S:
            shutil.rmtree(old, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{visitor()}-", dir=home))
    st.session_state["incoming"] = folder
    return folder


def discard() -> None:
    """Remove this visit's folder."""
    folder = st.session_state.pop("incoming", None)
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
