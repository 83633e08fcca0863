"""Predictions of a study's arms, read once for all that the Results page makes of them."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.services import services
from kd_core.evaluate import Predictions
from kd_core.study.results import Level, arm_predictions, by_arm, paired_predictions, results

Sides = tuple[list[Predictions], list[Predictions]]


@st.cache_resource(show_spinner=False, max_entries=60)
def of_arm(
    study_id: str, runs: Sequence[str], part: str, opened: bool, level: Level, arm: str
) -> list[Predictions]:
    """Predictions of an arm, one a seed; nobody changes them.

    Args:
        study_id: The study.
        runs: Its runs: what is kept is kept for them.
        part: Which images.
        opened: Whether sealed parts are meant.
        level: Whether an answer is for an image, or for a patient.
        arm: Name of the arm.

    Raises:
        KDLabError: A part is sealed, or predictions are missing.
    """
    group = by_arm(results(services().store, study_id))[arm]
    return arm_predictions(group, part, opened=opened, level=level)


@st.cache_resource(show_spinner=False, max_entries=60)
def pair(
    study_id: str,
    runs: Sequence[str],
    arms: tuple[str, str],
    part: str,
    opened: bool,
    level: Level,
) -> Sides:
    """Predictions of two arms on the same images, over the seeds that both have.

    Raises:
        KDLabError: A part is sealed, or predictions are missing.
    """
    groups = by_arm(results(services().store, study_id))
    left, right = (groups[arm] for arm in arms)
    return paired_predictions(left, right, part, opened=opened, level=level)
