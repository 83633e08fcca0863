"""What the data doctor reports: one frozen record a finding, without a sentence in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from kd_core.text import Msg

Severity = Literal["alarm", "warning", "note", "ok"]
SEVERITIES: tuple[Severity, ...] = ("alarm", "warning", "note", "ok")
"""The worst first. ``alarm``: results would mislead; ``ok``: looked for and not found."""


@dataclass(frozen=True)
class Finding:
    """One result of one check.

    Attributes:
        code: Catalogue key: ``finding.<code>`` says what was found and
            ``finding.<code>.consequence`` what follows from it.
        severity: How bad it is.
        evidence: JSON-safe figures and names; both texts use them.

    >>> Finding("patients_shared", "alarm", {"n": 2}).msg.id
    'finding.patients_shared'
    """

    code: str
    severity: Severity
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def msg(self) -> Msg:
        """What was found."""
        return Msg(f"finding.{self.code}", self.evidence)

    @property
    def consequence(self) -> Msg:
        """What it means for a study, and what to do."""
        return Msg(f"finding.{self.code}.consequence", self.evidence)

    def to_json(self) -> dict[str, Any]:
        """Code, severity and evidence."""
        return {"code": self.code, "severity": self.severity, "evidence": dict(self.evidence)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Finding:
        """The finding that :meth:`to_json` wrote."""
        return cls(data["code"], data["severity"], dict(data["evidence"]))


@dataclass(frozen=True)
class SourceFacts:
    """What only the reader of the original files knows.

    Attributes:
        unreadable: File names, each with the code (or message id) of what is wrong with it.
        images: Files that should have been read, unreadable ones included; 0 when not known.
    """

    unreadable: Mapping[str, str] = field(default_factory=dict)
    images: int = 0
