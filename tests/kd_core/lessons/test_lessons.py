"""Every lesson on the embedded study: it can be drawn at the ends, said, asked, and run as printed.

Whether its numbers are right is tested lesson by lesson, in the files of their names.
"""

import json
import math
import os
import re
import subprocess
import sys

import pytest

from kd_core.lessons import LESSONS
from kd_core.lessons.material import MATERIALS
from kd_core.registry import Param
from kd_core.text import Msg, load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_lessons import sample_material

LANGUAGES = {tag: load_catalogue(ROOT / "app" / "locale", tag) for tag in ("en", "pt_BR")}
MOST_JSON = 150_000
"""Bytes of one figure: thirty visitors move sliders at the same time."""

RUN_ALL = """
import contextlib, functools, io, json, sys, traceback
from kd_core.lessons import open as opening
opening.material_of = functools.cache(opening.material_of)  # the same study for all
said = {}
for name, code in json.load(sys.stdin).items():
    out = io.StringIO()
    try:
        with contextlib.redirect_stdout(out):
            exec(compile(code, name, "exec"), {"__name__": "__main__"})
    except BaseException:
        out.write("FAILED " + traceback.format_exc())
    said[name] = out.getvalue()
print(json.dumps(said))
"""


def another(param: Param, options: list[str]) -> object:
    """A legal value that is not the usual one."""
    if options:
        return options[-1]
    if param.kind == "bool":
        return not param.default
    if param.kind == "choice":
        return next(value for value in reversed(param.choices) if value != param.default)
    high = param.default + 1 if param.high is None else param.high
    return high if high != param.default else param.low


def settings(name: str) -> list[dict[str, object]]:
    """The usual values, and others."""
    spec, material = LESSONS[name], sample_material()
    options = {key: [plain for plain, _ in make(material)] for key, make in spec.options.items()}
    others = {param.name: another(param, options.get(param.name, [])) for param in spec.params}
    return [spec.values(material), spec.values(material, others)]


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict[str, str]:
    """What the code of all lessons prints, by lesson and number of the setting."""
    codes = {
        f"{name}-{number}": LESSONS[name].lines(values)
        for name in LESSONS
        for number, values in enumerate(settings(name))
    }
    home = tmp_path_factory.mktemp("home")
    done = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=json.dumps(codes),
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "KDLAB_HOME": str(home), "OMP_NUM_THREADS": "1"},
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, str] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize("name", LESSONS)
def test_the_code_runs_as_printed(printed, name):
    for number in (0, 1):
        said = printed[f"{name}-{number}"]
        assert said.strip()
        assert "FAILED" not in said, said[-3000:]


@pytest.mark.parametrize("name", LESSONS)
def test_everything_can_be_shown_and_said(name):
    spec, material = LESSONS[name], sample_material()
    assert spec.fits(material), spec.needs  # the sample ships with all that lessons need
    for values in settings(name):
        shown = spec.show(material, values)
        assert shown.pictures
        assert len({picture.name for picture in shown.pictures}) == len(shown.pictures)
        texts = [*shown.facts, *shown.steps, *shown.notes]
        texts += [picture.words for picture in shown.pictures]
        texts += [photo.caption for photo in shown.photos]
        for catalogue in LANGUAGES.values():
            for text in texts:
                whole(catalogue.render(text))
            for picture in shown.pictures:
                drawn = picture.draw(picture.info, catalogue.render, catalogue.language != "en")
                assert len(drawn.to_json()) < MOST_JSON, picture.name


@pytest.mark.parametrize("name", LESSONS)
def test_every_question_has_an_answer_and_is_asked_in_full(name):
    spec, material = LESSONS[name], sample_material()
    assert 2 <= len(spec.questions) <= 4
    assert len(spec.params) <= 4
    for question in spec.questions:
        right = question.answer(material)
        if question.kind == "choice":
            assert right in question.choices
            assert sum(question.is_right(c, material) for c in question.choices) == 1
        else:
            assert math.isfinite(float(right))
            assert question.is_right(right, material)
        told = dict(question.numbers(material))
        for part in ("", ".why", *(f".{choice}" for choice in question.choices)):
            text_id = LESSONS.text_id(name, f"ask.{question.name}{part}")
            for catalogue in LANGUAGES.values():
                whole(catalogue.render(Msg(text_id, told)))


def whole(sentence: str) -> None:
    """A sentence with all of its parts: no name of a text, no parameter that nobody gave."""
    assert sentence.strip()
    assert not re.match(r"(lesson|figure|learn)\.[\w.]+( \(|$)", sentence), sentence
    left = re.findall(r"(?<![\\_^}{\w])\{[a-z_]+\}", sentence)
    assert not left, sentence


def test_what_lessons_need_is_registered():
    needs = {name for spec in LESSONS._entries.values() for name in spec.needs}
    assert needs <= set(MATERIALS)
