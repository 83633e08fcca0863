"""What a lesson is: controls, what they show, questions, and the code that computes it.

A page draws every lesson alike from its entry. Texts follow from the names; lesson ``temperature``
has ``lesson.temperature.title``, ``.about`` (two or three sentences), ``.try`` (a thing to try),
for each control ``.param.T.title`` and ``.param.T.help``, for each question ``.ask.hotter``,
``.ask.hotter.why`` and, of a choice, ``.ask.hotter.flatter``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import plotly.graph_objects as go

from kd_core.errors import ConfigError
from kd_core.figures.look import Say
from kd_core.registry import Entry, Registry
from kd_core.text import Msg

if TYPE_CHECKING:
    from kd_core.lessons.material import Material

Values = Mapping[str, Any]
"""Values of a lesson's controls by name."""


@dataclass(frozen=True)
class Picture:
    """One figure of a lesson: what is true, how it looks, and the same in words.

    Attributes:
        name: Unique within the lesson; the name of an exported file.
        info: What is true; a frozen record.
        draw: Makes the figure of it, from texts and whether the page is dark.
        words: What a person who cannot see it needs to know, with the numbers.
        wide: Over the whole width rather than beside the next one.
    """

    name: str
    info: Any
    draw: Callable[[Any, Say, bool], go.Figure]
    words: Msg
    wide: bool = False


@dataclass(frozen=True)
class Photo:
    """One image shown as it is.

    Attributes:
        pixels: (H, W, 3) uint8.
        caption: Below it.
        px: Width on the screen.
    """

    pixels: np.ndarray
    caption: Msg
    px: int = 160


@dataclass(frozen=True)
class Shown:
    """What a lesson shows for the values of its controls.

    Attributes:
        pictures: Figures, the important one first.
        facts: The numbers in sentences, each one of the catalogue's texts.
        photos: Images beside the controls.
        steps: A calculation line by line, each a text with LaTeX or plain numbers.
        notes: Small print: where a number comes from, what it does not say.
    """

    pictures: tuple[Picture, ...] = ()
    facts: tuple[Msg, ...] = ()
    photos: tuple[Photo, ...] = ()
    steps: tuple[Msg, ...] = ()
    notes: tuple[Msg, ...] = ()


@dataclass(frozen=True)
class Question:
    """A question with one right answer, which may depend on the material.

    Attributes:
        name: Unique within the lesson.
        kind: One of some choices, or a number.
        answer: The right choice or number of a material; NaN where the material has none, and the
            question is not asked.
        choices: Names of the choices, in the order in which they are shown.
        tolerance: How far a number may be off and still be right.
        share: The same as a share of the right number, 0.05 for 5 %; the larger one counts.
        numbers: Parameters of the question's texts (the question, its choices and the
            explanation), from the material.
        unit: Behind a number, such as ``ms``; empty for none.
    """

    name: str
    kind: Literal["choice", "number"]
    answer: Callable[[Material], str | float]
    choices: tuple[str, ...] = ()
    tolerance: float = 0.0
    share: float = 0.0
    numbers: Callable[[Material], Mapping[str, Any]] = lambda material: {}
    unit: str = ""

    def is_right(self, given: str | float, material: Material) -> bool:
        """Whether an answer is right."""
        right = self.answer(material)
        if self.kind == "choice":
            return given == right
        number, wanted = float(given), float(right)
        off = max(self.tolerance, self.share * abs(wanted)) + 1e-9
        return math.isfinite(number) and abs(number - wanted) <= off


Options = Callable[["Material"], Sequence[tuple[str, Msg]]]
"""Choices of a control that depend on the material: plain value and text of each."""


@dataclass(frozen=True, kw_only=True)
class LessonSpec(Entry):
    """One lesson.

    Attributes:
        show: What the values of the controls show; pure, and quick enough for a slider (under
            0.2 s once the material is loaded).
        code: The lines of kd_core that compute the lesson's number, which run as printed from a
            fresh interpreter; ``{name}`` stands for the value of a control, ``{study}`` for the
            study, as in ``material = material_of({study})`` (see :meth:`lines`).
        questions: Its quiz.
        needs: Material that must have been made for the study, by names of ``MATERIALS``.
        options: For each control of kind ``choice`` whose choices depend on the material.
        again: Controls of kind ``int`` drawn as a button that counts up.
        tasks: Tasks of a study that the lesson can show; others see the sample.
    """

    show: Callable[[Material, Values], Shown]
    code: str
    questions: tuple[Question, ...]
    needs: tuple[str, ...] = ()
    options: Mapping[str, Options] = field(default_factory=dict)
    again: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ("classification",)

    def values(self, material: Material, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A legal value for every control: the given one where it is legal, else the usual one.

        Of choices that depend on the material, the usual one is the default where the material
        has it, else the first.
        """
        found = {}
        for param in self.params:
            value = (given or {}).get(param.name, param.default)
            if param.name in self.options:
                known = [plain for plain, _ in self.options[param.name](material)]
                usual = param.default if param.default in known else known[0]
                found[param.name] = value if value in known else usual
                continue
            try:
                found[param.name] = param.check(value)
            except ConfigError:
                found[param.name] = param.default
        return found

    def lines(self, values: Values, study: str = "") -> str:
        """The code with the values of the controls in it.

        >>> spec = LessonSpec(show=lambda m, v: Shown(), code="print({T}, {study})", questions=())
        >>> spec.lines({"T": 4.0})
        "print(4.0, '')"
        """
        code = self.code.strip("\n")
        for name, value in {**values, "study": study}.items():
            code = code.replace("{" + name + "}", repr(value))
        return code

    def fits(self, material: Material) -> bool:
        """Whether the lesson can show this study, now that this much was made for it."""
        task = material.data.task in self.tasks
        return task and all(name in material.made for name in self.needs)


LESSONS: Registry[LessonSpec] = Registry("lesson")
