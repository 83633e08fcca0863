import streamlit as st

from app import class_view
from app.texts import say, show_error
from app.visitor import may
from kd_core.errors import KDLabError

st.title(say("page.class"))
st.caption(say("class.about" if may("board") else "class.about.visitor"))
try:
    class_view.you()
    class_view.said()
    class_view.board()
    class_view.mine()
    class_view.teacher()
except KDLabError as error:
    show_error(error)
