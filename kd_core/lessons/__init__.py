"""LESSONS: one idea each, computed from the models and images of a study."""

from kd_core.lessons.spec import LESSONS, LessonSpec, Picture, Question, Shown

__all__ = ["LESSONS", "LessonSpec", "Picture", "Question", "Shown"]
