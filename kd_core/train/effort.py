"""What a way of training takes beside the student's own steps, counted in passes of networks.

Seconds are not known here; :mod:`kd_core.study.cost` times the passes and multiplies.
"""

from __future__ import annotations

from dataclasses import dataclass

from kd_core.config import ModelSettings


@dataclass(frozen=True)
class Effort:
    """Passes beside one training step of the student; teachers that are runs are not in it.

    Attributes:
        learners: Further networks that learn at every step; ``None`` has the student's
            architecture.
        steps: Further work of the student itself at every step, as a share of its step.
        answers: Answers that a network of the student's architecture gives at every step.
        images: Images that take the training part's place; ``None`` where none do.
        iterations: How often the teacher is run forward and back on each of them beforehand.
        asked: Share of the training images that the teacher answers once beforehand.
    """

    learners: tuple[ModelSettings | None, ...] = ()
    steps: float = 0.0
    answers: float = 0.0
    images: int | None = None
    iterations: int = 0
    asked: float = 0.0

    @property
    def elsewhere(self) -> bool:
        """Whether other images than those of the training part are learned from."""
        return self.images is not None or self.asked > 0
