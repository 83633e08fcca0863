"""The data doctor: every registered check looks at a decoded data set and reports findings.

A check is one function ``(Exam) -> list[Finding]`` with one entry in ``CHECKS``. It reports at
least one finding (``ok`` where all is well), or none where it does not apply. Checks work on the
decoded images at any size (64 px is enough and quick), so they know nothing of file formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kd_core.data.doctor.finding import SEVERITIES, Finding, SourceFacts
from kd_core.data.doctor.probe import ProbeResult, frame_features, probe, whole_features
from kd_core.data.loaded import PARTS, LoadedData, Part
from kd_core.registry import Entry, Registry

_PROBE_IMAGES = 3_000
"""Images a probe learns from, and is scored on; more would change the third decimal."""


@dataclass(frozen=True)
class Exam:
    """A data set under examination; what several checks need is computed once.

    Attributes:
        data: The decoded data.
        facts: What the reader of the files knows.
        seed: Of every random choice.
    """

    data: LoadedData
    facts: SourceFacts = field(default_factory=SourceFacts)
    seed: int = 0

    def part(self, name: str) -> Part | None:
        """A part that has images, or ``None``."""
        part = self.data.parts.get(name)
        return part if part is not None and len(part) else None

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts that have images, in the usual order."""
        return {name: part for name in PARTS if (part := self.part(name))}

    def labels(self, name: str) -> NDArray[np.float32]:
        """Targets of a part as (N, K): 1 for "is or has it", 0 for not, NaN for unknown."""
        targets = self.parts[name].targets
        if targets.ndim == 2:
            return np.asarray(targets, np.float32)
        return np.eye(len(self.data.classes), dtype=np.float32)[targets]  # (N, K)

    @property
    def exclusive(self) -> bool:
        """Whether an image has exactly one class."""
        return self.data.task == "classification"

    @cached_property
    def can_probe(self) -> bool:
        """Whether there are images to learn from and others to be scored on."""
        return "train" in self.parts and bool({"val", "test"} & set(self.parts))

    @cached_property
    def frame(self) -> ProbeResult:
        """A small classifier that sees only the outer frame."""
        return self._probe(frame_features)

    @cached_property
    def whole(self) -> ProbeResult:
        """The same classifier on whole images."""
        return self._probe(whole_features)

    def _probe(self, features: Callable[[Part, NDArray[np.int64]], NDArray]) -> ProbeResult:
        train = self._sample("train", _PROBE_IMAGES)
        held_out = [name for name in ("val", "test") if name in self.parts]
        chosen = {name: self._sample(name, _PROBE_IMAGES // len(held_out)) for name in held_out}
        return probe(
            features(self.parts["train"], train),
            self.labels("train")[train],
            np.concatenate([features(self.parts[name], rows) for name, rows in chosen.items()]),
            np.concatenate([self.labels(name)[rows] for name, rows in chosen.items()]),
            self.seed,
        )

    def _sample(self, name: str, limit: int) -> NDArray[np.int64]:
        """All rows of a part, or a random choice of ``limit`` of them, in order."""
        n = len(self.parts[name])
        if n <= limit:
            return np.arange(n)
        return np.sort(np.random.default_rng(self.seed).choice(n, limit, replace=False))


@dataclass(frozen=True, kw_only=True)
class CheckSpec(Entry):
    """One check of the data doctor.

    Attributes:
        fn: The check.
    """

    fn: Callable[[Exam], list[Finding]]


CHECKS: Registry[CheckSpec] = Registry("check")


def examine(
    data: LoadedData,
    facts: SourceFacts | None = None,
    progress: Callable[[int, int], None] | None = None,
    only: Iterable[str] = (),
    seed: int = 0,
) -> list[Finding]:
    """Run all checks, or those named, and report the worst first.

    Args:
        data: The data set, decoded at any size.
        facts: What the reader of the files knows.
        progress: Called with checks done and checks in all.
        only: Names of checks; all when empty.
        seed: Of every random choice.

    Raises:
        ConfigError: ``entry_unknown`` for a check that does not exist.
    """
    exam = Exam(data, facts or SourceFacts(), seed)
    names = tuple(only) or CHECKS.names()
    findings: list[Finding] = []
    for done, name in enumerate(names):
        if progress:
            progress(done, len(names))
        findings += CHECKS[name].fn(exam)
    if progress:
        progress(len(names), len(names))
    return sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity))
