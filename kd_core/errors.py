"""Everything that can go wrong, as one tree.

    KDLabError                 an expected problem with a code and fields; never a bare sentence
    ├── ConfigError            a setting is missing, unknown or out of range
    ├── DataError              images, labels or a data set are not as required
    │   └── UploadError        a file from outside is refused before it is read
    ├── ModelError             a network or its weights cannot be used
    ├── TrainError             training cannot start or go on (NaN, memory, device)
    ├── ExportError            the exported file is missing, wrong or disagrees with torch
    ├── StoreError             the store or the disk cannot take or give a record
    ├── JobError               a run was cancelled, lost its worker or may not be queued
    ├── AccessError            somebody may not do this, or did not say the right word
    └── DownloadError          a file could not be fetched or is not the expected one

An error carries a *code* (``"image_too_large"``) and JSON-safe *fields*; its sentence is written
by whoever shows it, from the catalogue entry ``error.<code>``, in the reader's language. A test
reads every ``raise`` in the package and checks that the code has an entry that uses its fields.
"""

from __future__ import annotations

from typing import Any

from kd_core.text import Msg


class KDLabError(Exception):
    """An expected problem: a code, and the fields that its sentence needs.

    Args:
        code: Catalogue key without the ``error.`` prefix.
        **fields: JSON-safe values named in the catalogue entry.

    >>> error = UploadError("image_too_large", width=12000, height=9000, limit=40_000_000)
    >>> error.code, error.fields["limit"]
    ('image_too_large', 40000000)
    >>> str(error)
    'image_too_large (width=12000, height=9000, limit=40000000)'
    """

    def __init__(self, code: str, **fields: Any) -> None:
        self.code = code
        self.fields = fields
        super().__init__(code)

    def __str__(self) -> str:
        if not self.fields:
            return self.code
        inner = ", ".join(f"{key}={value}" for key, value in self.fields.items())
        return f"{self.code} ({inner})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.code, self.fields)

    @property
    def msg(self) -> Msg:
        """The message to render for a person."""
        return Msg(f"error.{self.code}", self.fields)

    def to_json(self) -> dict[str, Any]:
        """Family, code and fields, as stored in a run's record and sent over the pipe."""
        return {"family": type(self).__name__, "code": self.code, "fields": self.fields}


class ConfigError(KDLabError):
    """A setting is missing, unknown or out of range."""


class DataError(KDLabError):
    """Images, labels or a data set are not as required."""


class UploadError(DataError):
    """A file from outside is refused, before anything of it is decoded or stored."""


class ModelError(KDLabError):
    """A network or its weights cannot be used."""


class TrainError(KDLabError):
    """Training cannot start or go on."""


class ExportError(KDLabError):
    """The exported file is missing, wrong, or disagrees with torch."""


class StoreError(KDLabError):
    """The store or the disk cannot take or give a record."""


class JobError(KDLabError):
    """A run was cancelled, lost its worker, or may not be queued."""


class AccessError(KDLabError):
    """Somebody may not do this here, or did not say the right word."""


class DownloadError(KDLabError):
    """A file could not be fetched, or is not the one that was expected."""


FAMILIES: dict[str, type[KDLabError]] = {
    cls.__name__: cls
    for cls in (
        KDLabError,
        ConfigError,
        DataError,
        UploadError,
        ModelError,
        TrainError,
        ExportError,
        StoreError,
        JobError,
        AccessError,
        DownloadError,
    )
}


def _rebuild(family: type[KDLabError], code: str, fields: dict[str, Any]) -> KDLabError:
    return family(code, **fields)


def error_from_json(data: dict[str, Any]) -> KDLabError:
    """The error that :meth:`KDLabError.to_json` wrote; an unknown family becomes the root."""
    family = FAMILIES.get(str(data.get("family")), KDLabError)
    return family(str(data.get("code", "unexpected")), **data.get("fields", {}))
