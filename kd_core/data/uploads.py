"""The door for files from outside; nothing that fails here is decoded, stored or unpacked.

    safe_unzip     a .zip of images, tables and DICOM files, into a new folder or not at all
    read_zip       the same files in memory, one by one
    check_image    one PNG, JPEG, TIFF or BMP file
    check_npz      an .npz file's array headers; load_npz reads the arrays
    check_csv      a table: its columns, encoding and delimiter
    safe_name      a name that every system accepts

Each raises :class:`~kd_core.errors.UploadError` with one code; :class:`Limits` holds the bounds.
"""

from kd_core.data.upload_common import Limits, Source, safe_name
from kd_core.data.upload_csv import CsvTable, check_csv
from kd_core.data.upload_image import FORMATS, ImageHeader, check_image
from kd_core.data.upload_npz import ArrayHeader, check_npz, load_npz
from kd_core.data.upload_zip import (
    DICOM_SUFFIXES,
    IMAGE_SUFFIXES,
    TABLE_SUFFIXES,
    Progress,
    read_zip,
    safe_unzip,
)

__all__ = [
    "DICOM_SUFFIXES",
    "FORMATS",
    "IMAGE_SUFFIXES",
    "TABLE_SUFFIXES",
    "ArrayHeader",
    "CsvTable",
    "ImageHeader",
    "Limits",
    "Progress",
    "Source",
    "check_csv",
    "check_image",
    "check_npz",
    "load_npz",
    "read_zip",
    "safe_name",
    "safe_unzip",
]
