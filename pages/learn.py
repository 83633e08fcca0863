import streamlit as st

from app import (
    demo_present,
    learn_choose,
    learn_controls,
    learn_hand_in,
    learn_material,
    learn_quiz,
    learn_teacher,
    learn_try,
    learn_view,
    services_lessons,
)
from app.texts import say, show_error
from kd_core.errors import KDLabError

demo_present.apply()
try:
    plan = services_lessons.lesson_plan()
    names = learn_choose.lessons_of(plan)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title(say("page.learn"), width="content")
        st.space("stretch")
        bar = st.container(horizontal=True, width="content")
        demo_present.switch()
    name = learn_choose.choose(names, plan)
    learn_controls.forget_others(name)
    with bar:
        chosen = learn_choose.study(plan)
        learn_choose.link(name)
        learn_hand_in.show(names, chosen)
        learn_teacher.show(plan, learn_material.studies())
    if name == learn_view.LIVE:
        learn_try.show(chosen)
        st.stop()
    material = learn_choose.shown_material(name, chosen)
    if material is None:
        st.stop()
    hidden = {*learn_choose.hidden_parts(), *learn_choose.hidden_by(plan, name)}
    learn_view.lesson(name, material, frozenset(hidden))
    if "quiz" not in hidden:
        learn_quiz.quiz(name, material)
        learn_quiz.counts(name, material)
except KDLabError as error:
    show_error(error)
