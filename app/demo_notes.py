"""What has to be said about an upload before anybody believes an answer to it."""

from __future__ import annotations

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from app.demo_choose import Chosen
from app.demo_pictures import Opened
from app.texts import say


def show(chosen: Chosen, opened: Opened, prepared: NDArray[np.uint8]) -> None:
    """What was done to read the file, and how far it is from the training images."""
    for note in opened.slide.notes:
        st.caption(say(note))
