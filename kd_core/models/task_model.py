"""The network that the rest of the engine sees: named outputs, and how to build it again."""

from __future__ import annotations

from typing import Any

from pydantic import Field
from torch import Tensor, nn

from kd_core.config import SCHEMA, Settings
from kd_core.models.stems import Stem


class NetworkSpec(Settings):
    """All that is needed to build a network again; its weights come from a state dict.

    Attributes:
        name: Entry of ``MODELS``, or ``timm:<name>``.
        params: The entry's own parameters, complete.
        n_outputs: Number of classes or labels, K.
        channels: Channels of the images.
        size: Side of the images in pixels that the network was built for.
        stem: The stem that was chosen.
        halvings_left_out: What the stem leaves out, so that a later change of the rule does not
            change old networks.
        dropout: Rate before the head; ``None`` is the architecture's own.
        output: Name of the output.
    """

    schema_version: int = SCHEMA
    name: str
    params: dict[str, float | int | bool | str] = Field(default_factory=dict)
    n_outputs: int = Field(ge=1)
    channels: int = Field(ge=1)
    size: int = Field(ge=1)
    stem: Stem = "standard"
    halvings_left_out: int = Field(default=0, ge=0, le=2)
    dropout: float | None = None
    output: str = "logits"


class TaskModel(nn.Module):
    """A network whose output has a name.

    Module paths, as used for features, are those of the network itself (``layer4``).

    Args:
        network: Maps images (N, C, S, S) to (N, K).
        spec: What the network was built from.
        history: What changed its shape since then, oldest first; see ``SHAPE_STEPS``.
    """

    def __init__(
        self, network: nn.Module, spec: NetworkSpec, history: tuple[dict[str, Any], ...] = ()
    ) -> None:
        super().__init__()
        self.network = network
        self.spec = spec
        self.history = history

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Named outputs, ``{"logits": (N, K)}``, of normalised float32 images (N, C, S, S)."""
        return {self.spec.output: self.network(images)}

    def spec_json(self) -> dict[str, Any]:
        """The specification as JSON-safe values."""
        return self.spec.to_json()
