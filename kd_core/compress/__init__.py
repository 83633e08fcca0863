"""Making a trained model smaller: one file a family, one entry a method."""

from kd_core.compress import (  # noqa: F401  they register their entries
    factorise,
    finetune,
    graph,
    prune,
    qat,
    quantise,
    quantise_weights,
    sparsify,
    wizard,
)
from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop

__all__ = ["COMPRESSORS", "CompressorSpec", "Made", "Subject", "Workshop"]
