"""The frame of models, read once: in memory, and in a file beside the store for the next start.

A finished record is never edited, so a row that was read stays true until its run is deleted or
finishes anew; both change its stamp. The file is only a shorter way: one that is missing, old or
broken is ignored and written again, and of two processes that write it the last one stays.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import threading
from collections.abc import Sequence

import pandas as pd
import pyarrow as pa

from kd_core.study.models_frame import PlaceOf, of_places, places, read_rows
from kd_core.study.store import Store

FILE = "models-4.feather"
"""In the home's cache; the number changes with what :func:`read_rows` makes of a record."""

WORTH_WRITING = 250
"""New rows from which the file is written: fewer are read again quicker than it is written."""


class ModelsCache:
    """What has been read of one store, for all threads of this process."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.path = store.home.cache / FILE
        self._lock = threading.Lock()
        self._rows: pd.DataFrame | None = None
        self._unsaved = 0

    def frame(self, studies: Sequence[str]) -> pd.DataFrame:
        """The same as :func:`~kd_core.study.models_frame.read_frame`, quicker the second time."""
        wanted = places(self.store, studies)
        with self._lock:
            rows = self._load() if self._rows is None else self._rows
            self._rows = rows = self._complete(rows, wanted)
        known = set(rows["stamp"]) if len(rows) else set()
        return of_places(rows, [place for place in wanted if place.stamp in known])

    def _complete(self, rows: pd.DataFrame, wanted: Sequence[PlaceOf]) -> pd.DataFrame:
        known = set(rows["stamp"]) if len(rows) else set()
        missing = [place for place in wanted if place.stamp not in known]
        if not missing:
            return rows
        rows = joined(rows, read_rows(self.store, missing))
        self._unsaved += len(missing)
        if self._unsaved >= WORTH_WRITING:
            rows = self._without_deleted(rows)
            self._write(rows)
        return rows

    def _without_deleted(self, rows: pd.DataFrame) -> pd.DataFrame:
        alive = {run for (run,) in self.store.db.rows("SELECT id FROM runs")}
        return rows[rows["run"].isin(alive)].reset_index(drop=True)

    def _load(self) -> pd.DataFrame:
        try:
            rows = pd.read_feather(self.path)
        except (OSError, pa.ArrowException):
            return pd.DataFrame()
        return rows if {"stamp", "run", "name", "shape"} <= set(rows.columns) else pd.DataFrame()

    def _write(self, rows: pd.DataFrame) -> None:
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}-{secrets.token_hex(4)}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            rows.to_feather(aside)
            aside.replace(self.path)
            self._unsaved = 0
        except (OSError, pa.ArrowException):  # a full disk: the next start only takes longer
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)


def joined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    """Two frames below one another, with the types that one reading of both would give.

    >>> both = joined(pd.DataFrame({"a": [None]}), pd.DataFrame({"a": [1.5], "b": ["x"]}))
    >>> both["a"].dtype, list(both["b"].isna())
    (dtype('float64'), [True, False])
    """
    if not len(first) or not len(second):
        return second if len(second) else first
    columns = dict.fromkeys([*first.columns, *second.columns])
    parts = [frame.reindex(columns=list(columns)) for frame in (first, second)]
    return pd.DataFrame({name: _column(*(part[name] for part in parts)) for name in columns})


def _column(first: pd.Series, second: pd.Series) -> pd.Series | list[object]:
    if first.dtype == second.dtype and first.dtype != object:
        return pd.concat([first, second], ignore_index=True)
    both = [*first.astype(object), *second.astype(object)]
    return [None if pd.isna(value) else value for value in both]
