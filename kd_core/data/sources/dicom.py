"""A folder of DICOM files, labelled by folder names or by a CSV.

Patients come from the files' PatientID unless a table names them, because two images of one
person must not be in two parts. The id itself is not kept, only a short hash of it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kd_core.data.dicom_image import patient_id
from kd_core.data.sources import image_folder, table
from kd_core.data.sources.files import is_dicom_file, is_visible, list_files, unwrap
from kd_core.data.sources.spec import COMMON_PARAMS, SOURCES, Found, SourceSpec
from kd_core.data.sources.table import TABLE_PARAMS
from kd_core.data.sources.tables import find_table, read_table


def read(path: Path, options: Mapping[str, Any]) -> Found:
    """Images of a DICOM folder; class folders are preferred to a table.

    Raises:
        DataError: Those of :func:`~kd_core.data.sources.image_folder.from_files` and
            :func:`~kd_core.data.sources.table.from_table`.
    """
    root = unwrap(path)
    files = list_files(root, is_dicom_file)
    found_table = find_table(root, options["table"])
    if image_folder.count_classes(files) > 1 or found_table is None:
        found = image_folder.from_files(root, files, options)
    else:
        found = table.from_table(read_table(found_table), root, files, options)
    if found.patients is not None:
        return found
    return replace(found, patients=_pseudonyms(root, found.ids))


def _pseudonyms(root: Path, files: tuple[str, ...]) -> NDArray[np.str_] | None:
    ids = [patient_id(root / file) for file in files]
    if not any(ids):
        return None
    return np.array([hashlib.sha256(i.encode()).hexdigest()[:12] if i else "" for i in ids])


def detects(path: Path) -> bool:
    """True for a folder with at least one DICOM file."""
    if not path.is_dir():
        return False
    for folder, names, files in os.walk(path):
        names[:] = [name for name in names if is_visible(name)]
        if any(is_dicom_file(Path(folder) / name) for name in files if is_visible(name)):
            return True
    return False


SOURCES.add(
    "dicom",
    SourceSpec(
        read=read,
        detects=detects,
        priority=2,
        source="DICOM PS3",
        params=(*COMMON_PARAMS, *TABLE_PARAMS),
    ),
)
