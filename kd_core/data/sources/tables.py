"""Reading a CSV as text, with line numbers, and finding the columns that matter."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.sources.files import TABLE_SUFFIXES, FileIndex, is_visible
from kd_core.data.splits import ALIASES
from kd_core.data.uploads import check_csv
from kd_core.errors import DataError
from kd_core.registry import Param

# Usual names of columns, in small letters without anything else, the most telling first.
FILE_COLUMNS = ("file", "path", "image", "filename", "imagepath", "imagename", "imageindex", "id")
LABEL_COLUMNS = ("label", "class", "target", "diagnosis", "category", "dx")
SPLIT_COLUMNS = ("split", "part", "subset", "partition")
PATIENT_COLUMNS = ("patient", "patientid", "subject", "subjectid", "case", "caseid")
GROUP_COLUMNS = (
    *("site", "hospital", "centre", "center", "source", "scanner", "device", "manufacturer"),
    *("sex", "gender", "view", "viewposition", "stain", "laterality"),
)

# Empty finds columns by their usual names, ``-`` uses none.
COLUMN_PARAMS = (
    Param("table", "text", "", advanced=True),
    Param("patient_column", "text", "", advanced=True),
    Param("group_columns", "text", "", advanced=True),
)


@dataclass(frozen=True)
class Table:
    """A CSV as text.

    Attributes:
        name: File name, for messages.
        columns: Cells of each column by name, all of one length.
        lines: Line of the file on which each row begins.
    """

    name: str
    columns: Mapping[str, tuple[str, ...]]
    lines: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.lines)

    def find(self, wanted: str, usual: Sequence[str]) -> str | None:
        """A column by the name a person gave, else by its usual names; ``-`` means none.

        Raises:
            DataError: ``column_missing`` when the given name is not there.
        """
        if wanted == "-":
            return None
        if wanted:
            if wanted not in self.columns:
                raise DataError(
                    "column_missing", table=self.name, column=wanted, columns=list(self.columns)
                )
            return wanted
        plain = {re.sub(r"[^a-z]", "", name.lower()): name for name in reversed(list(self.columns))}
        return next((plain[name] for name in usual if name in plain), None)

    def find_several(self, wanted: str, usual: Sequence[str]) -> list[str]:
        """Columns by a list with commas, else all that have a usual name; ``-`` means none."""
        if wanted and wanted != "-":
            names = [name.strip() for name in wanted.split(",")]
            found = [self.find(name, ()) for name in names if name]
        else:
            found = [] if wanted else [self.find("", (name,)) for name in usual]
        return list(dict.fromkeys(name for name in found if name))

    def cells(self, column: str, rows: Iterable[int]) -> NDArray[np.str_]:
        """Cells of some rows."""
        values = self.columns[column]
        return np.array([values[row] for row in rows], dtype=np.str_)


def read_table(path: Path) -> Table:
    """Read a CSV whose rows all have as many cells as its header.

    Raises:
        UploadError: Those of :func:`~kd_core.data.uploads.check_csv`, with the line where a row
            is broken.
    """
    form = check_csv(path)
    rows, lines = [], []
    with path.open(encoding=form.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=form.delimiter)
        begin = 1
        for row in reader:
            if row:
                rows.append([cell.strip() for cell in row])
                lines.append(begin)
            begin = reader.line_num + 1
    columns = zip(form.columns, zip(*rows[1:], strict=True), strict=True)
    return Table(path.name, dict(columns), tuple(lines[1:]))


def find_table(root: Path, wanted: str = "") -> Path | None:
    """The table of a folder: the named one, else ``labels.csv``, else the only one.

    Raises:
        DataError: ``table_missing``, or ``table_several`` when none can be preferred.
    """
    tables = sorted(
        entry
        for entry in root.iterdir()
        if entry.suffix.lower() in TABLE_SUFFIXES and is_visible(entry.name)
    )
    names = [table.name for table in tables]
    if wanted:
        if wanted not in names:
            raise DataError("table_missing", table=wanted, tables=names)
        return root / wanted
    usual = [table for table in tables if table.stem.lower() in ("labels", "metadata")]
    if len(tables) > 1 and not usual:
        raise DataError("table_several", tables=names)
    return next(iter(usual or tables), None)


def part_cells(table: Table, column: str, rows: Sequence[int]) -> NDArray[np.str_]:
    """Parts from a split column.

    Raises:
        DataError: ``split_unknown`` with the line.
    """
    parts = []
    for row in rows:
        text = table.columns[column][row]
        if text.lower() not in ALIASES:
            raise DataError(
                "split_unknown",
                table=table.name,
                line=table.lines[row],
                column=column,
                got=text,
                known=sorted(ALIASES),
            )
        parts.append(ALIASES[text.lower()])
    return np.array(parts, dtype=np.str_)


def side_columns(
    root: Path, files: Sequence[str], options: Mapping[str, Any]
) -> tuple[NDArray[np.str_] | None, dict[str, NDArray[np.str_]]]:
    """Patients and subgroups of files from a table beside them; nothing where there is none.

    Rows without a file and files without a row are no fault: parts of a set may be copied.
    """
    path = find_table(root, options["table"])
    if path is None:
        return None, {}
    table = read_table(path)
    file_column = table.find("", FILE_COLUMNS)
    if file_column is None:
        return None, {}
    index = FileIndex(files)
    row_of = {index.find(text): row for row, text in enumerate(table.columns[file_column])}

    def aligned(column: str) -> NDArray[np.str_]:
        cells = table.columns[column]
        return np.array([cells[row_of[f]] if f in row_of else "" for f in files], dtype=np.str_)

    patient = table.find(options["patient_column"], PATIENT_COLUMNS)
    groups = table.find_several(options["group_columns"], GROUP_COLUMNS)
    return aligned(patient) if patient else None, {name: aligned(name) for name in groups}
