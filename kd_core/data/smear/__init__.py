"""A generator of synthetic thin blood smears: crops of red cells, and whole fields of view."""

from kd_core.data.smear.build import check, write
from kd_core.data.smear.crops import CropSet, make_crops
from kd_core.data.smear.fields import Field, render_field
from kd_core.data.smear.patients import CLASSES

__all__ = ["CLASSES", "CropSet", "Field", "check", "make_crops", "render_field", "write"]
