"""Where a command writes: its answer to standard output, everything else to standard error."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from tqdm import tqdm

from kd_core.text import Catalogue, Msg


class Screen:
    """Writes for a person, or for a program.

    Args:
        catalogue: Texts in the reader's language.
        as_json: Write the answer as JSON and no text beside it.
        out: Standard output.
    """

    def __init__(self, catalogue: Catalogue, as_json: bool, out: TextIO) -> None:
        self.catalogue = catalogue
        self.as_json = as_json
        self._out = out

    def text(self, msg: Msg | str, **params: Any) -> str:
        """The sentence of a message, or of a message id with parameters."""
        return self.catalogue.render(msg if isinstance(msg, Msg) else Msg(msg, params))

    def line(self, msg: Msg | str, **params: Any) -> None:
        """A line of the answer; nothing with ``--json``."""
        self.write(self.text(msg, **params))

    def note(self, msg: Msg | str, **params: Any) -> None:
        """A line beside the answer, on standard error."""
        tqdm.write(self.text(msg, **params), file=sys.stderr)

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Aligned columns; a heading is a message id, and a cell is a text or a number."""
        cells = [[self.text(heading) for heading in headings], *([*map(str, row)] for row in rows)]
        widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
        for row in cells:
            padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.write("  ".join(padded).rstrip())

    def write(self, text: str) -> None:
        """Text of the answer as it is; nothing with ``--json``."""
        if not self.as_json:
            print(text, file=self._out)

    def event(self, **what: Any) -> None:
        """A line of JSON before the answer, for a program that follows; nothing without it."""
        if self.as_json:
            print(json.dumps(plain(what), allow_nan=False), file=self._out, flush=True)

    def finish(self, answer: Mapping[str, Any]) -> None:
        """Write the answer as one JSON object, if that is wanted."""
        if self.as_json:
            print(json.dumps(plain(answer), allow_nan=False), file=self._out)
        self._out.flush()  # here, not at exit, a reader who has left can be dealt with

    @contextmanager
    def bar(self, title: str, total: int | None = None, unit: str = "") -> Iterator[tqdm[Any]]:
        """A progress bar on standard error, drawn where that is a terminal."""
        with tqdm(
            total=total, desc=title, unit=unit, unit_scale=unit == "B", disable=None
        ) as progress:
            yield progress


def plain(value: Any) -> Any:
    """The same value in JSON's own types; a number that does not exist (NaN) becomes ``null``.

    >>> plain({"a": (1, math.nan), "b": Msg("device.cpu")})
    {'a': [1, None], 'b': {'id': 'device.cpu', 'params': {}}}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    if isinstance(value, Msg):
        return plain(value.to_json())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    return value.item() if hasattr(value, "item") else str(value)
