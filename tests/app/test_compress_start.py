from streamlit.testing.v1 import AppTest

from app import compress_start
from kd_core.compress.preflight import Ask, Expected
from kd_core.config import CompressStep, ComputeSettings, DataSettings

ASK = Ask(
    home="home",
    file="model.onnx",
    data=DataSettings(dataset="tiny"),
    compute=ComputeSettings(device="cpu"),
    steps=(CompressStep(method="fp16"),),
)


def page():
    import streamlit as st

    from app.compress_start import _expected
    from tests.app.test_compress_start import ASK

    st.write(str(_expected(ASK)[1].size_bytes))


def test_a_question_is_asked_once_and_tells_how_far_it_is(monkeypatch):
    heard = []

    def aside(ask, tick):
        tick(1, 2)
        heard.append(ask)
        return Expected(size_bytes=20), Expected(method="fp16", size_bytes=10)

    monkeypatch.setattr(compress_start, "preflight_aside", aside)
    at = AppTest.from_function(page, default_timeout=60).run()
    assert not at.exception
    assert [text.value for text in at.markdown] == ["10"]
    at.run()
    assert heard == [ASK]
