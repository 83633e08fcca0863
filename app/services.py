"""What all visitors share: one home, one store, one runner, one data library.

Whatever changes something, or reads what is not everybody's, is a function here (or in
``services_devices.py`` and ``class_board.py``) that first asks who acts and what they may do; the
table of rights is in ``kd_core/study/rights.py``. Pages call these and nothing below them, which a
test reads out of their code.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from app import warm
from app.class_room import FREE_BYTES, MB, class_open, room
from app.visitor import allowed, allowed_own, may, person
from kd_core.config import AnalysisSettings, RunSettings, StudySettings
from kd_core.data import data_root as roots
from kd_core.data.disk import need_space
from kd_core.data.draft import Draft
from kd_core.data.library import Library
from kd_core.data.public import download_set
from kd_core.errors import AccessError, KDLabError
from kd_core.jobs import Jobs, connect
from kd_core.study import seal
from kd_core.study.cleanup import delete_dataset, delete_study
from kd_core.study.queue import Request
from kd_core.study.results import Result
from kd_core.study.robustness import plan_robustness
from kd_core.study.rows import Status, StudyRow
from kd_core.study.seal import Seal
from kd_core.study.store import Store

ROOT = Path(__file__).parent.parent
SAMPLE_STUDY = ROOT / "sample_data" / "study"


@dataclass(frozen=True)
class Services:
    """The engine's objects behind the pages.

    Attributes:
        jobs: The runner, or a client of the one that another server already runs.
        library: Data sets.
        began: When the server started.
    """

    jobs: Jobs
    library: Library
    began: float = 0.0

    @property
    def store(self) -> Store:
        """Records of studies and runs."""
        return self.jobs.store


@st.cache_resource(show_spinner=False)
def _services() -> Services:
    began = time.time()
    jobs = connect()
    if SAMPLE_STUDY.is_dir():
        jobs.collect(SAMPLE_STUDY)
    warm.begin()
    return Services(jobs, Library(jobs.store.home.root), began)


def services() -> Services:
    """The one set of services of this server; the embedded study is collected at the start.

    Raises:
        AccessError: ``class_code_needed`` for a visitor who has not said the class code.
    """
    if get_script_run_ctx(suppress_warning=True) is not None:  # else a thread of the server's own
        allowed("look")
    return _services()


# --- runs and studies ---------------------------------------------------------------------------


def submit(
    study: StudySettings,
    *,
    reuse: bool,
    expected_s: Mapping[str, float] | None = None,
    runs: Sequence[RunSettings] | None = None,
) -> str:
    """Queue a study of this visitor, tied to its data by hash; the study's id.

    ``runs`` is its graph where that is not the whole of its settings; it must be tied already.

    Raises:
        AccessError: Without the right ``start``.
        JobError: ``visitor_limit``.
    """
    me = allowed("start")
    leave_room()
    dataset = services().library.get(study.data.dataset)
    tied = study.change(data=study.data.change(data_hash=dataset.hash))
    return services().jobs.submit(
        tied, owner=me.owner, runs=runs, reuse=reuse, expected_s=expected_s
    )


def ask(run_id: str, what: Request) -> Status:
    """Ask for a run to be cancelled, paused or resumed; its status afterwards.

    Raises:
        AccessError: For a run of somebody else, without the right ``change_others``.
        JobError: ``request_impossible``.
    """
    allowed_own(services().store.run(run_id).owner)
    return services().jobs.request(run_id, what)


def remove_study(study_id: str) -> int:
    """Delete a study with its runs; the bytes that this freed.

    Raises:
        AccessError: For a study of somebody else, without the right ``change_others``.
        JobError: ``run_active``, ``run_needed``.
    """
    allowed_own(services().store.study(study_id).owner)
    return delete_study(services().store, study_id)


def open_test(study_id: str, chosen: Sequence[str] = ()) -> StudyRow:
    """Unseal the test part of a study: once, for good, and on record.

    Args:
        study_id: The study.
        chosen: Arms whose figures are shown first; none: all.

    Raises:
        AccessError: Without the right ``open_test``, or for a study of somebody else without
            ``change_others``.
    """
    me = allowed("open_test")
    allowed_own(services().store.study(study_id).owner)
    return services().store.open_test(study_id, by=me.owner, chosen=chosen)


def ask_test(study_id: str, arms: Sequence[str]) -> Seal:
    """Show test figures of further arms of a study that is open; on record.

    Raises:
        AccessError: As :func:`open_test`.
        StoreError: ``test_sealed``.
    """
    allowed("open_test")
    allowed_own(services().store.study(study_id).owner)
    return seal.ask(services().store, study_id, arms)


def look_at_robustness(study_id: str, found: Sequence[Result], wanted: AnalysisSettings) -> None:
    """Queue a look at finished models on corrupted images, as a run of their study.

    Raises:
        AccessError: Without the right ``start``, or for a study of somebody else without
            ``change_others``.
        JobError: ``visitor_limit``.
        StoreError: ``test_sealed``, ``test_not_chosen``.
    """
    me = allowed("start")
    allowed_own(services().store.study(study_id).owner)
    leave_room()
    run = plan_robustness(services().store, study_id, found, wanted)
    services().jobs.extend(study_id, [run], owner=me.owner)


# --- data ---------------------------------------------------------------------------------------


def data_root() -> Path | None:
    """The server's data root, where this visitor may read it; else ``None``."""
    return roots.data_root() if may("browse") else None


def server_path(text: str) -> Path:
    """A path below the data root that a visitor named.

    Raises:
        AccessError: Without the right ``browse``.
        DataError: As :func:`kd_core.data.data_root.inside_data_root`.
    """
    allowed("browse")
    return roots.inside_data_root(text)


def public_set(name: str, progress: Callable[..., None]) -> Path:
    """Download a public data set to the server, where it stays; its file.

    Raises:
        AccessError: Without the right ``fetch``.
        DownloadError: As :func:`kd_core.data.public.download_set`.
    """
    allowed("fetch")
    return download_set(name, services().store.home.cache / "public", progress=progress)


def upload_room(new_bytes: int = 0) -> int | None:
    """Bytes that this visitor may still bring; ``None`` where nothing but the disk limits it.

    Args:
        new_bytes: What is about to be brought.

    Raises:
        AccessError: Without the right ``upload``; ``upload_limit`` where it is more than is left.
        StoreError: ``disk_full``.
    """
    me = allowed("upload")
    leave_room(new_bytes)
    if me.role != "visitor":
        return None
    used, limit = room().people.upload_bytes(me.id), room().upload_bytes
    if used + new_bytes > limit:
        raise AccessError("upload_limit", used=used, new=new_bytes, limit_bytes=limit)
    return limit - used


def upload_mb(most: int) -> int:
    """Megabytes of one file that a box takes: the server holds it in memory while it is looked at.

    Args:
        most: What the page can use.
    """
    return min(most, room().upload_bytes // MB) if person().role == "visitor" else most


def add_dataset(
    found: Draft, name: str, progress: Callable[..., None] | None = None, **texts: str
) -> None:
    """Store a data set of this visitor under a name.

    Raises:
        AccessError: Without the right ``upload``, or ``upload_limit``.
        DataError: As :meth:`kd_core.data.library.Library.add`.
    """
    me = allowed("upload")
    upload_room()
    library = services().library
    known = name in library
    library.add(found, name, progress=progress, **texts)
    if known or me.role != "visitor":
        return
    size, limit = library.disk_bytes(name), room().upload_bytes
    try:
        room().people.note_upload(me.id, "dataset", name, size, limit)
    except AccessError:
        library.delete(name)
        raise


def remove_dataset(name: str) -> int:
    """Delete a data set; the bytes that this freed.

    Raises:
        AccessError: For what this visitor did not bring, without the right ``change_others``.
        JobError: ``dataset_in_use``.
    """
    allowed_own(brought_by(name))
    freed = delete_dataset(services().store, services().library, name)
    if class_open():
        room().people.forget_upload("dataset", name)
    return freed


def brought_by(name: str) -> str:
    """Who of a class brought a data set; empty where nobody did."""
    return room().people.brought("dataset", name) if class_open() else ""


def keep_file(name: str, content: bytes, check: Callable[[Path], Any]) -> None:
    """Keep a file among the uploads, after its check; one that is there already stays.

    Args:
        name: Its name there, safe and with a hash of the content in it.
        content: The bytes.
        check: Raises where the file is not what it should be; it is gone then.

    Raises:
        AccessError: Without the right ``upload``, or ``upload_limit``.
        KDLabError: What ``check`` raises.
        StoreError: ``disk_full``.
    """
    me = allowed("upload")
    target = services().store.home.uploads / name
    if target.exists():
        return
    upload_room(len(content))
    need_space(target.parent, len(content))
    aside = target.with_name(f".{name}")
    aside.write_bytes(content)
    try:
        check(aside)
        if me.role == "visitor":
            limit = room().upload_bytes
            room().people.note_upload(me.id, "file", name, len(content), limit)
    except KDLabError:
        with contextlib.suppress(FileNotFoundError):
            aside.unlink()
        raise
    aside.replace(target)


def leave_room(new_bytes: int = 0) -> None:
    """A class leaves the server's disk some room, whatever the limits of each allow."""
    if person().role == "visitor":
        need_space(services().store.home.root, new_bytes, FREE_BYTES)
