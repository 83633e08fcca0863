"""Writing the embedded sample, and checking that it can be rebuilt bit for bit.

``python -m kd_core.data.smear --to sample_data`` writes ``smear.npz``, ``fields/`` and
``smear.json`` with the hashes; ``--check`` renders everything again and compares.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from kd_core.data.smear.crops import PLANS, CropSet, make_crops
from kd_core.data.smear.fields import Field, render_field
from kd_core.data.smear.patients import CLASSES
from kd_core.errors import DataError

GENERATOR_VERSION = 1
SEED = 1
JPEG_QUALITY = 92
ARRAYS_FILE, RECORD_FILE, FIELDS_FOLDER = "smear.npz", "smear.json", "fields"
_FIRST_TEST_PATIENT = PLANS["train"].patients + PLANS["val"].patients
FIELD_PATIENTS = tuple(_FIRST_TEST_PATIENT + k for k in (0, 1, 2, 3))


def array_hash(array: NDArray[Any]) -> str:
    """SHA-256 of type, shape and values.

    >>> array_hash(np.zeros(2, np.uint8)) == array_hash(np.zeros((1, 2), np.uint8))
    False
    """
    head = f"{array.dtype.str}{array.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(array).tobytes()).hexdigest()


def crop_arrays(crops: CropSet) -> dict[str, NDArray[Any]]:
    """The arrays of ``smear.npz``."""
    return {
        "images": crops.images,
        "labels": crops.labels,
        "part": crops.part,
        "patient": crops.patient,
        "slide": crops.slide,
        "classes": np.array(CLASSES),
        "generator_version": np.array(GENERATOR_VERSION),
        "seed": np.array(SEED),
    }


def record(arrays: Mapping[str, NDArray[Any]], fields: Mapping[str, Field]) -> dict[str, Any]:
    """What ``smear.json`` says: version, seed and hashes."""
    return {
        "synthetic": True,
        "generator_version": GENERATOR_VERSION,
        "seed": SEED,
        "arrays": {name: array_hash(array) for name, array in arrays.items()},
        "fields": {name: array_hash(field.image) for name, field in fields.items()},
    }


def render() -> tuple[dict[str, NDArray[Any]], dict[str, Field]]:
    """All arrays and fields, from the seed alone; about a minute."""
    arrays = crop_arrays(make_crops(SEED))
    fields = {
        f"field_{k + 1}": render_field(SEED, k, patient) for k, patient in enumerate(FIELD_PATIENTS)
    }
    return arrays, fields


def write(folder: Path) -> None:
    """Render the sample into a folder; files of that name are replaced."""
    arrays, fields = render()
    (folder / FIELDS_FOLDER).mkdir(parents=True, exist_ok=True)
    np.savez_compressed(folder / ARRAYS_FILE, **arrays)  # type: ignore[arg-type]
    for name, field in fields.items():
        path = folder / FIELDS_FOLDER / name
        Image.fromarray(field.image).save(
            path.with_suffix(".jpg"), quality=JPEG_QUALITY, subsampling=0
        )
        path.with_suffix(".json").write_text(json.dumps(field.truth(), indent=1) + "\n")
    text = json.dumps(record(arrays, fields), indent=2) + "\n"
    (folder / RECORD_FILE).write_text(text)


def check(folder: Path) -> None:
    """Compare a folder with what the generator makes now.

    Raises:
        DataError: ``smear_differs`` naming the first thing that is not as rebuilt.
    """
    arrays, fields = render()
    expected = record(arrays, fields)
    written = json.loads((folder / RECORD_FILE).read_text())
    for key in ("generator_version", "seed", "arrays", "fields"):
        if written.get(key) != expected[key]:
            raise DataError("smear_differs", name=f"{RECORD_FILE}: {key}")
    with np.load(folder / ARRAYS_FILE) as stored:
        for name, digest in expected["arrays"].items():
            if array_hash(stored[name]) != digest:
                raise DataError("smear_differs", name=f"{ARRAYS_FILE}: {name}")
    for name, field in fields.items():
        truth = json.loads((folder / FIELDS_FOLDER / f"{name}.json").read_text())
        if truth != field.truth():
            raise DataError("smear_differs", name=f"{FIELDS_FOLDER}/{name}.json")
