"""Training on, as a step of its own: alone, or with a teacher, before or after other steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kd_core.compress.spec import COMPRESSORS, CompressorSpec, Made, Subject, Workshop
from kd_core.text import Msg


def finetune(subject: Subject, shop: Workshop, params: Mapping[str, Any]) -> Made:
    """The same network after the step's recipe; what changed its shape before stays."""
    network, tune = subject.network, shop.tune
    assert network is not None  # refused before
    assert tune is not None  # checked before
    return Made(network=tune(network, 1.0))


def _refuses(subject: Subject, params: Mapping[str, Any]) -> Msg | None:
    if subject.network is None or subject.on_file:
        return Msg("refuses.no_network")
    return None


COMPRESSORS.add(
    "finetune",
    CompressorSpec(
        apply=finetune,
        family="tune",
        works_on="network",
        refuses=_refuses,
        tunes="must",
        source="Hinton et al. 2015 with a teacher",
    ),
)
