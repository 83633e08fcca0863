"""LESSONS: one idea each, computed from the models and images of a study."""

# In the order of the lessons; each is one file.
from kd_core.lessons import temperature

# isort: split
from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown

__all__ = ["LESSONS", "LessonSpec", "Picture", "Question", "Shown", "temperature"]
