"""LESSONS: one idea each, computed from the models and images of a study."""

# isort: off
# In the order of the lessons; each is one file.
from kd_core.lessons import small  # noqa: F401
from kd_core.lessons import temperature  # noqa: F401
from kd_core.lessons import loss  # noqa: F401
from kd_core.lessons import features  # noqa: F401
from kd_core.lessons import relations  # noqa: F401
from kd_core.lessons import modes  # noqa: F401
from kd_core.lessons import shrink  # noqa: F401
from kd_core.lessons import tradeoff  # noqa: F401
from kd_core.lessons import wrong  # noqa: F401
from kd_core.lessons import history  # noqa: F401

# Of what is tried live after the lessons; it is a material like theirs.
from kd_core.lessons import made_map  # noqa: F401

# isort: on
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown

__all__ = ["LESSONS", "LessonSpec", "Picture", "Question", "Shown"]
