import streamlit as st

from app import address, demo_present, learn_controls, learn_material, learn_view
from app.texts import say, show_error
from kd_core.errors import KDLabError
from kd_core.lessons import LESSONS

demo_present.apply()
try:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(say("page.learn"), width="content")
        st.space("stretch")
        demo_present.switch()
    name = address.choice(
        st,
        say("learn.lesson"),
        LESSONS.names(),
        "lesson",
        format_func=lambda name: learn_view.text(name, "title"),
    )
    learn_controls.forget_others(name)
    learn_view.lesson(name, learn_material.material_of(), ())
except KDLabError as error:
    show_error(error)
