"""One DICOM file as values: rescaled, with its own window, inverted where it says so."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.errors import InvalidDicomError
from pydicom.pixels import apply_color_lut, apply_modality_lut, pixel_array

from kd_core.data.raw import RawImage
from kd_core.errors import DataError

DICOM_HEAD_BYTES = 132  # a preamble of 128 and the letters DICM (DICOM PS3.10, section 7.1)
_DAMAGED = (
    InvalidDicomError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def is_dicom(data: bytes) -> bool:
    """True when the bytes are a DICOM file, whatever its name."""
    return data[DICOM_HEAD_BYTES - 4 : DICOM_HEAD_BYTES] == b"DICM"


def decode_dicom(data: bytes, name: str, max_pixels: int) -> RawImage:
    """A single-frame DICOM image.

    Monochrome values are rescaled (slope and intercept, or the modality look-up table), so that
    CT is in Hounsfield units, and always windowed. Colour (RGB, YBR, palette) is 8-bit RGB.

    Args:
        data: The file.
        name: For messages.
        max_pixels: Limit of rows × columns, judged before anything is decoded.

    Raises:
        DataError: ``image_broken``, ``image_too_large``, ``dicom_frames`` for several frames,
            ``dicom_no_image`` for reports and the like, ``dicom_compressed`` for a compression
            that needs a decoder which is not installed.
    """
    try:
        header = pydicom.dcmread(io.BytesIO(data))
        _check_header(header, name, max_pixels)
        if not _can_decode(header):
            raise DataError("dicom_compressed", name=name, syntax=_syntax(header).name)
        # Pixels are converted to RGB from any YBR form.
        values = pixel_array(header)
        if header.PhotometricInterpretation == "PALETTE COLOR":
            values = apply_color_lut(values, header)
        if values.ndim == 3:
            return RawImage(_eight_bits(values, header), bits=8, windowed=False)
        return RawImage(
            apply_modality_lut(values, header)[..., None],  # (H, W, 1)
            bits=int(header.BitsStored),
            windowed=True,
            stored=_stored_window(header),
            padding=_padding(header),
            inverted=header.PhotometricInterpretation == "MONOCHROME1",
        )
    except _DAMAGED as error:
        raise DataError("image_broken", name=name, detail=str(error)[:120]) from None


def patient_id(path: Path) -> str:
    """The file's PatientID; empty where it has none or cannot be read."""
    try:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        return str(header.get("PatientID", "")).strip()
    except _DAMAGED:
        return ""


def _check_header(header: pydicom.FileDataset, name: str, max_pixels: int) -> None:
    if "PixelData" not in header:
        raise DataError("dicom_no_image", name=name)
    frames = int(header.get("NumberOfFrames", 1) or 1)
    if frames > 1:
        raise DataError("dicom_frames", name=name, frames=frames)
    height, width = int(header.Rows), int(header.Columns)
    if width * height > max_pixels:
        raise DataError("image_too_large", name=name, width=width, height=height, limit=max_pixels)


def _syntax(header: pydicom.FileDataset) -> pydicom.uid.UID:
    return pydicom.uid.UID(header.file_meta.TransferSyntaxUID)


def _can_decode(header: pydicom.FileDataset) -> bool:
    syntax = _syntax(header)
    if not syntax.is_compressed:
        return True
    try:
        return bool(pydicom.pixels.get_decoder(syntax).is_available)
    except NotImplementedError:
        return False


def _eight_bits(values: NDArray[Any], header: pydicom.FileDataset) -> NDArray[np.uint8]:
    """Colour as 8 bits; colour look-up tables and some cameras give 16."""
    bits = values.dtype.itemsize * 8 if "PALETTE" in header.PhotometricInterpretation else 0
    bits = bits or int(header.BitsStored)
    return (values >> max(bits - 8, 0)).astype(np.uint8)


def _stored_window(header: pydicom.FileDataset) -> tuple[float, float] | None:
    """The first level and width as (black, white): PS3.3, C.11.2.1.2.1, linear.

    The standard maps [c − 0.5 − (w − 1)/2, c − 0.5 + (w − 1)/2] to the whole output range.
    """
    centre, width = (_first(header.get(tag)) for tag in ("WindowCenter", "WindowWidth"))
    if centre is None or width is None or width < 1:
        return None
    if str(header.get("VOILUTFunction", "LINEAR")) == "LINEAR_EXACT":
        return centre - width / 2, centre + width / 2
    return centre - 0.5 - (width - 1) / 2, centre - 0.5 + (width - 1) / 2


def _padding(header: pydicom.FileDataset) -> float | None:
    stored = _first(header.get("PixelPaddingValue"))
    if stored is None:
        return None
    return float(apply_modality_lut(np.array([int(stored)]), header)[0])


def _first(value: Any) -> float | None:
    if value is None or value == "":
        return None
    return float(value[0] if isinstance(value, pydicom.multival.MultiValue) else value)
