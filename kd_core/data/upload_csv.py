"""A table from outside: encoding and delimiter are found, and a broken row is named by its line."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kd_core.data.upload_common import Limits, Source, check_size, name_of, opened
from kd_core.errors import UploadError

DELIMITERS = (",", ";", "\t")
_SNIFF_ROWS = 50
_NOT_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1f]")  # control characters; UTF-16 has the null byte


@dataclass(frozen=True)
class CsvTable:
    """How to read a table that was found to be sound.

    Attributes:
        columns: Header, without spaces around the names.
        rows: Rows below the header; blank lines are not counted.
        encoding: ``utf-8-sig`` (with or without a byte-order mark) or ``latin-1``.
        delimiter: ``,``, ``;`` or a tab.
    """

    columns: tuple[str, ...]
    rows: int
    encoding: str
    delimiter: str


def check_csv(source: Source, limits: Limits | None = None) -> CsvTable:
    """Read a table once and say how to read it again.

    ``csv.reader(text, delimiter=table.delimiter)`` then gives the header and rows of equal length
    (and empty lists for blank lines).

    Raises:
        UploadError: ``file_empty``, ``file_too_large``, ``csv_binary``, ``csv_header``,
            ``csv_row``, ``csv_quote``, ``csv_too_long`` or ``csv_no_rows``.
    """
    limits = limits or Limits()
    name = name_of(source)
    with opened(source) as file:
        check_size(file, name, limits.csv_bytes)
        data = file.read()
    if _NOT_TEXT.search(data):
        raise UploadError("csv_binary", name=name)
    text, encoding = _decode(data)
    delimiter = _find_delimiter(text)
    lines = _rows(text, delimiter, name)
    _, header = next(lines, (0, []))
    columns = tuple(column.strip() for column in header)
    if not columns or "" in columns or len(set(columns)) != len(columns):
        raise UploadError("csv_header", name=name, columns=list(columns)[:20])
    count = 0
    for line, row in lines:
        count += 1
        if count > limits.csv_rows:
            raise UploadError("csv_too_long", name=name, limit=limits.csv_rows)
        if len(row) != len(columns):
            raise UploadError("csv_row", name=name, line=line, cells=len(row), wanted=len(columns))
    if not count:
        raise UploadError("csv_no_rows", name=name)
    return CsvTable(columns, count, encoding, delimiter)


def _decode(data: bytes) -> tuple[str, str]:
    try:
        return data.decode("utf-8-sig"), "utf-8-sig"
    except UnicodeDecodeError:
        return data.decode("latin-1"), "latin-1"


def _find_delimiter(text: str) -> str:
    """The delimiter that splits most of the first rows into as many cells as the header."""

    def quality(delimiter: str) -> tuple[int, int]:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        try:
            widths = [len(row) for row, _ in zip(rows, range(_SNIFF_ROWS), strict=False) if row]
        except csv.Error:
            return 0, 0
        width = widths[0] if widths else 0
        return (widths.count(width), width) if width > 1 else (0, 0)

    return max(DELIMITERS, key=quality)  # the comma where none splits the header


def _rows(text: str, delimiter: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Rows that are not blank, each with the number of its first line.

    Raises:
        UploadError: ``csv_quote`` where a quotation mark is never closed.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise UploadError("csv_quote", name=name, line=line) from None
        if row:
            yield line, row
