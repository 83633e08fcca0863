"""What a model says of one image, and how long each step took."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.demo_models import Contender
from kd_core.data.images import prepare_image
from kd_core.figures.probability_bars import Answered
from kd_core.slides.answers import Answers, disagreement, read_answers

REPEATS = 3
"""The network runs so often on an image; the time is the median."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Timing:
    """Milliseconds of each step for one image."""

    decode_ms: float
    prepare_ms: float
    network_ms: float
    post_ms: float

    @property
    def total_ms(self) -> float:
        """From the file to the answer."""
        return self.decode_ms + self.prepare_ms + self.network_ms + self.post_ms


@dataclass(frozen=True, eq=False)
class Answer:
    """One model's answer to one image.

    Attributes:
        model: Its key.
        answers: Of this one image.
        timing: How long it took.
    """

    model: str
    answers: Answers
    timing: Timing

    @property
    def shown(self) -> NDArray[np.float64]:
        """The probabilities to read, (K,)."""
        return np.asarray(self.answers.probabilities[0])

    @property
    def top(self) -> int:
        """The likeliest class."""
        return int(self.shown.argmax())

    @property
    def said(self) -> str:
        """What was chosen: a class, or the labels that are present; empty for none of them."""
        return self.answers.names()[0]

    @property
    def sure(self) -> float:
        """Probability of what was chosen."""
        return float(self.answers.confidence[0])

    def answered(self) -> Answered:
        """The same for the figure."""
        found = self.answers
        return Answered(
            self.model,
            tuple(map(float, found.raw[0])),
            tuple(map(float, found.probabilities[0])) if found.calibrated else (),
            found.threshold or (),
        )


def answer(contender: Contender, image: Pixels, decode_ms: float = 0.0) -> Answer:
    """A decoded image (H, W, C) through the model's own pre-processing and file."""
    contract = contender.contract
    began = time.perf_counter()
    prepared = prepare_image(image, contract.size, contract.channels)  # (C, S, S)
    prepare_ms = (time.perf_counter() - began) * 1e3
    return answer_prepared(contender, prepared, decode_ms, prepare_ms)


def answer_prepared(
    contender: Contender, prepared: Pixels, decode_ms: float = 0.0, prepare_ms: float = 0.0
) -> Answer:
    """A prepared image (C, S, S), such as a crop of a field, through the model's file."""
    model, contract = contender.session, contender.contract
    began = time.perf_counter()
    images = contract.normalise(prepared[None])  # (1, C, S, S)
    prepare_ms += (time.perf_counter() - began) * 1e3
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        outputs = model.predict(images)
        took.append((time.perf_counter() - began) * 1e3)
    began = time.perf_counter()
    found = read_answers(outputs, contract)
    post_ms = (time.perf_counter() - began) * 1e3
    timing = Timing(decode_ms, prepare_ms, statistics.median(took), post_ms)
    return Answer(contender.key, found, timing)


def agree(answers: Sequence[Answer]) -> bool:
    """Whether all models answer the same."""
    return not disagreement({one.model: one.answers for one in answers}, answers[0].model).any()
