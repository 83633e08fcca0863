"""Where images come from: one file and one entry a source."""

from kd_core.data.sources import dicom, image_folder, npz, sample, table
from kd_core.data.sources.detect import detect
from kd_core.data.sources.spec import POLICIES, SOURCES, Found, LabelCounts, SourceSpec

__all__ = [
    "POLICIES",
    "SOURCES",
    "Found",
    "LabelCounts",
    "SourceSpec",
    "detect",
    "dicom",
    "image_folder",
    "npz",
    "sample",
    "table",
]
