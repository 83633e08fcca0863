import json
import math

import pytest

from kd_core.text import FORMATS, Catalogue, Msg, load_catalogue

TEXTS = {
    "plain": "Nothing to fill in.",
    "images": {"one": "{n:int} image", "other": "{n:int} images"},
    "outer": "Because {reason}",
    "names": "{names:list}",
}
ENGLISH = Catalogue("en", TEXTS)
PORTUGUESE = Catalogue("pt-BR", TEXTS)


def render(template, language="en", **params):
    return Catalogue(language, {"x": template}).render(Msg("x", params))


@pytest.mark.parametrize(
    ("template", "value", "english", "portuguese"),
    [
        ("{v:int}", 1234567, "1,234,567", "1.234.567"),
        ("{v:percent}", 0.12345, "12.3 %", "12,3 %"),
        ("{v:points}", -0.0123, "−1.2", "−1,2"),
        ("{v:score}", -0.0001, "0.000", "0,000"),
        ("{v:score}", 0.98765, "0.988", "0,988"),
        ("{v:four}", 0.8, "0.8000", "0,8000"),
        ("{v:ms}", 3.14159, "3.14 ms", "3,14 ms"),
        ("{v:ms}", 31.4159, "31.4 ms", "31,4 ms"),
        ("{v:bytes}", 1_530_000, "1.53 MB", "1,53 MB"),
        ("{v:bytes}", 31_249, "0.0312 MB", "0,0312 MB"),
        ("{v:bytes}", 300_000, "0.30 MB", "0,30 MB"),
        ("{v:bytes}", 4, "0.000004 MB", "0,000004 MB"),
        ("{v:bytes}", 0, "0.00 MB", "0,00 MB"),
        ("{v:bytes}", 153_000_000, "153.0 MB", "153,0 MB"),
        ("{v:seconds}", 0.25, "0.25 s", "0,25 s"),
        ("{v:seconds}", 2.55, "2.6 s", "2,6 s"),
        ("{v:seconds}", 61, "61 s", "61 s"),
        ("{v:seconds}", 600, "10 min", "10 min"),
        ("{v:seconds}", 5400, "1.5 h", "1,5 h"),
        ("{v:number}", 1234.5, "1,234.5", "1.234,5"),
        ("{v:number}", 0.000123456789, "0.000123", "0,000123"),
    ],
)
def test_numbers_follow_the_language(template, value, english, portuguese):
    assert render(template, v=value) == english
    assert render(template, "pt-BR", v=value) == portuguese


def test_every_format_is_tried_above_or_is_a_list():
    tried = test_numbers_follow_the_language.pytestmark[0].args[1]
    assert {row[0][3:-1] for row in tried} | {"list"} == set(FORMATS)


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("value", [math.nan, None])
def test_a_figure_that_does_not_exist_is_a_dash(kind, value):
    assert render(f"{{v:{kind}}}", v=value) == "–"
    assert ENGLISH.number(value, kind) == "–"


def test_lists_follow_the_language():
    assert ENGLISH.render(Msg("names", {"names": ["a", "b", "c"]})) == "a, b, and c"
    assert PORTUGUESE.render(Msg("names", {"names": ["a", "b", "c"]})) == "a, b e c"
    assert render("{names}", names=[1, 2]) == "1 and 2"


def test_a_list_may_hold_messages():
    both = [Msg("plain"), Msg("images", {"n": 1}).to_json()]
    assert ENGLISH.render(Msg("names", {"names": both})) == "Nothing to fill in. and 1 image"


@pytest.mark.parametrize(("n", "text"), [(0, "0 images"), (1, "1 image"), (1000, "1,000 images")])
def test_plurals(n, text):
    assert ENGLISH.render(Msg("images", {"n": n})) == text


def test_plurals_follow_the_language():
    # Portuguese counts 0 as singular, English does not
    assert PORTUGUESE.render(Msg("images", {"n": 0})) == "0 image"


def test_a_plural_category_without_text_uses_other():
    assert Catalogue("en", {"x": {"other": "{n:int} things"}}).render(Msg("x", {"n": 1})) == (
        "1 things"
    )


def test_messages_nest_and_survive_json():
    msg = Msg("outer", {"reason": Msg("images", {"n": 1})})
    stored = json.loads(json.dumps(msg.to_json()))
    assert ENGLISH.render(msg) == "Because 1 image"
    assert ENGLISH.render(Msg.from_json(stored)) == "Because 1 image"
    assert Msg.from_json(stored) == msg
    assert ENGLISH.render(Msg("outer", stored["params"])) == "Because 1 image"


def test_nothing_is_hidden():
    assert ENGLISH.render(Msg("unknown", {"a": 1})) == "unknown (a=1)"
    assert ENGLISH.render(Msg("unknown")) == "unknown"
    assert render("{gone} and {n:int}", n=2) == "{gone} and 2"


def test_a_text_in_place_of_a_number_is_shown_as_it_is():
    assert render("{v:int}", v="many") == "many"


def test_messages_can_be_keys():
    assert len({Msg("a", {"n": 1}), Msg("a", {"n": 1}), Msg("a", {"n": 2})}) == 2


def test_catalogue_falls_back_to_english(tmp_path):
    for language, text in {
        "en": '"a" = "one"\n"b" = "two"',
        "pt-BR": '"a" = "um"',
    }.items():
        (tmp_path / language).mkdir()
        (tmp_path / language / "x.toml").write_text(text)
    catalogue = load_catalogue(tmp_path, "pt-BR")
    assert catalogue.render(Msg("a")) == "um"
    assert catalogue.render(Msg("b")) == "two"
    assert "b" in catalogue
    assert "c" not in catalogue
