"""A CSV with one row an image: one label column, or several that hold 0, 1, −1 or nothing.

−1 means "uncertain" as in CheXpert (Irvin et al. 2019), whose policies are offered: U-Ones reads
it as 1, U-Zeros as 0, U-Ignore leaves it out of loss and metrics.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.originals import FileImages
from kd_core.data.sources.files import FileIndex, list_files, unwrap
from kd_core.data.sources.spec import (
    COMMON_PARAMS,
    POLICIES,
    SOURCES,
    Found,
    LabelCounts,
    SourceSpec,
)
from kd_core.data.sources.tables import (
    COLUMN_PARAMS,
    FILE_COLUMNS,
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    PATIENT_COLUMNS,
    SPLIT_COLUMNS,
    Table,
    find_table,
    part_cells,
    read_table,
)
from kd_core.errors import DataError
from kd_core.registry import Param

# Spellings of the four kinds of cell in a multi-label table.
_CELLS = {"1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0, "-1": -1.0, "-1.0": -1.0, "": np.nan}
_POLICY_VALUES = {"ignore": np.nan, "ones": 1.0, "zeros": 0.0}

TABLE_PARAMS = (
    Param("uncertain", "choice", "ignore", choices=POLICIES),
    Param("blank", "choice", "zeros", choices=("zeros", "ignore")),
    Param("label_columns", "text", ""),
    Param("file_column", "text", "", advanced=True),
    Param("split_column", "text", "", advanced=True),
    *COLUMN_PARAMS,
)


def read(path: Path, options: Mapping[str, Any]) -> Found:
    """Images and targets of a table, or of a folder that holds one.

    Raises:
        DataError: ``no_table``, and those of :func:`from_table`.
    """
    root = path.parent if path.is_file() else unwrap(path)
    table = path if path.is_file() else find_table(root, options["table"])
    if table is None:
        raise DataError("no_table", name=root.name)
    return from_table(read_table(table), root, list_files(root), options)


def from_table(table: Table, root: Path, files: Sequence[str], options: Mapping[str, Any]) -> Found:
    """Images and targets of a table that was read already.

    Raises:
        DataError: ``no_images``, ``column_missing``, ``no_file_column``, ``no_label_column``;
            with the line: ``csv_image_missing``, ``csv_image_twice``, ``csv_label_blank``,
            ``csv_label_value``, ``split_unknown``.
    """
    if not files:
        raise DataError("no_images", name=root.name)
    rows, found = _match(table, files, options["file_column"])
    classes, targets, counts = _read_targets(table, rows, options)
    split = table.find(options["split_column"], SPLIT_COLUMNS)
    patient = table.find(options["patient_column"], PATIENT_COLUMNS)
    groups = table.find_several(options["group_columns"], GROUP_COLUMNS)
    return Found(
        ids=tuple(found),
        images=FileImages(root, tuple(found)),
        task="multilabel" if counts else "classification",
        classes=classes,
        targets=targets,
        parts=part_cells(table, split, rows) if split else None,
        patients=table.cells(patient, rows) if patient else None,
        groups={name: table.cells(name, rows) for name in groups if name not in classes},
        uncertain=counts,
        title=root.name,
    )


def _match(table: Table, files: Sequence[str], wanted: str) -> tuple[list[int], list[str]]:
    """Rows in the order of their files, and the files."""
    column = table.find(wanted, FILE_COLUMNS)
    if column is None:
        raise DataError("no_file_column", table=table.name, columns=list(table.columns))
    index = FileIndex(files)
    row_of: dict[str, int] = {}
    for row, text in enumerate(table.columns[column]):
        place = {"table": table.name, "line": table.lines[row], "got": text}
        file = index.find(text)
        if file is None:
            raise DataError("csv_image_missing", **place)
        if file in row_of:
            raise DataError("csv_image_twice", **place, other=table.lines[row_of[file]])
        row_of[file] = row
    found = sorted(row_of)
    return [row_of[file] for file in found], found


def _read_targets(
    table: Table, rows: Sequence[int], options: Mapping[str, Any]
) -> tuple[tuple[str, ...], NDArray[Any], tuple[LabelCounts, ...]]:
    """Classes, targets, and for several columns what each of them holds."""
    columns = table.find_several(options["label_columns"], ())
    if not columns:
        single = table.find("", LABEL_COLUMNS)
        columns = [single] if single else _zero_one_columns(table, options)
    if not columns:
        raise DataError("no_label_column", table=table.name, columns=list(table.columns))
    if len(columns) == 1:
        classes, labels = _single_label(table, columns[0], rows)
        return classes, labels, ()
    values = np.column_stack([_cell_values(table, name, rows) for name in columns])  # (N, L)
    counts = tuple(
        LabelCounts(
            name,
            positive=int((column == 1).sum()),
            negative=int((column == 0).sum()),
            uncertain=int((column == -1).sum()),
            blank=int(np.isnan(column).sum()),
        )
        for name, column in zip(columns, values.T, strict=True)
    )
    blank, uncertain = np.isnan(values), values == -1
    values[blank] = _POLICY_VALUES[options["blank"]]
    values[uncertain] = _POLICY_VALUES[options["uncertain"]]
    return tuple(columns), values.astype(np.float32), counts


def _zero_one_columns(table: Table, options: Mapping[str, Any]) -> list[str]:
    """Columns without another use that hold nothing but 0, 1, −1 and blanks, not blanks alone."""
    used = {
        table.find(options["file_column"], FILE_COLUMNS),
        table.find(options["split_column"], SPLIT_COLUMNS),
        table.find(options["patient_column"], PATIENT_COLUMNS),
        *table.find_several(options["group_columns"], GROUP_COLUMNS),
    }
    kinds = {name: set(cells) for name, cells in table.columns.items() if name not in used}
    return [name for name, kind in kinds.items() if kind <= _CELLS.keys() and kind != {""}]


def _single_label(
    table: Table, column: str, rows: Sequence[int]
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    cells = [table.columns[column][row] for row in rows]
    if "" in cells:
        line = table.lines[rows[cells.index("")]]
        raise DataError("csv_label_blank", table=table.name, line=line, column=column)
    # "10" comes after "9": numbers are ordered as numbers, and before words.
    order = sorted(set(cells), key=lambda text: (not text.isdecimal(), text.zfill(20), text))
    number = {name: k for k, name in enumerate(order)}
    return tuple(order), np.array([number[cell] for cell in cells], dtype=np.int64)


def _cell_values(table: Table, column: str, rows: Sequence[int]) -> NDArray[np.float64]:
    values = []
    for row in rows:
        text = table.columns[column][row]
        if text not in _CELLS:
            raise DataError(
                "csv_label_value",
                table=table.name,
                line=table.lines[row],
                column=column,
                got=text,
            )
        values.append(_CELLS[text])
    return np.array(values)


def detects(path: Path) -> bool:
    """True for a table file, and for a folder that begins with at least one."""
    if path.is_file():
        return path.suffix.lower() in (".csv", ".tsv")
    root = unwrap(path)
    return any(entry.suffix.lower() in (".csv", ".tsv") for entry in root.iterdir())


SOURCES.add(
    "table",
    SourceSpec(read=read, detects=detects, priority=0, params=(*TABLE_PARAMS, *COMMON_PARAMS)),
)
