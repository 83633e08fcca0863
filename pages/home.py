import streamlit as st

from app import home
from app.texts import say

st.title(say("home.title"))
st.markdown(say("home.about"))
home.left_over()
home.ways_in()
home.sample_study()
home.queue()
