import numpy as np
import pytest

from kd_core.data.images import prepare_image
from kd_core.errors import ExportError, JobError
from kd_core.slides.classify import Timing, classify, prepare, stream

RNG = np.random.default_rng(0)
PICTURES = [RNG.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((9, 30), (8, 8), (50, 7))]


def solid(colour, n=1):
    return [np.full((12, 12, 3), colour, np.uint8)] * n


def test_every_model_answers_for_itself(models):
    answers = classify([*solid((250, 0, 0)), *solid((0, 0, 250))], models)
    assert answers["teacher"].names() == ["healthy", "debris"]
    assert answers["student"].names() == ["ring", "healthy"]


def test_the_same_as_one_by_one(models):
    together = classify(PICTURES, models, batch=2)["teacher"]
    for i, picture in enumerate(PICTURES):
        ready = prepare_image(picture, 8, 3)
        outputs = models["teacher"].predict_uint8(ready[None])
        assert np.allclose(together.logits[i], outputs["logits"][0], atol=1e-6)


def test_pictures_that_are_ready(models):
    ready = np.stack([prepare_image(picture, 8, 3) for picture in PICTURES])
    assert prepare(ready, models["teacher"].contract) is ready
    assert (
        classify(ready, models)["teacher"].logits == classify(PICTURES, models)["teacher"].logits
    ).all()


def test_models_of_other_sizes_and_statistics(a_model):
    models = {"one": a_model(name="one"), "two": a_model(name="two", std=(0.5,) * 3)}
    answers = classify(PICTURES, models)
    assert np.allclose(answers["one"].logits, 2 * answers["two"].logits, atol=1e-6)


def test_batches_stream_with_progress_and_can_be_stopped(models):
    pictures, calls = solid((9, 9, 9), 5), []
    done = [(n, len(answers["teacher"])) for n, answers in stream(pictures, models, batch=2)]
    assert done == [(2, 2), (4, 2), (5, 1)]
    classify(pictures, models, tick=lambda *call: calls.append(call), batch=2)
    assert calls == [(2, 5), (4, 5), (5, 5)]
    with pytest.raises(JobError, match="explain_stopped"):
        classify(pictures, models, tick=lambda done, total: False, batch=2)


def test_the_time_of_each_part(models):
    timing = Timing(decode_ms=3, find_ms=4)
    classify(PICTURES, models, timing=timing)
    assert timing.images == 3
    for part in (timing.prepare_ms, timing.network_ms, timing.post_ms):
        assert set(part) == set(models)
        assert min(part.values()) > 0
    own = timing.prepare_ms["teacher"] + timing.network_ms["teacher"] + timing.post_ms["teacher"]
    assert timing.total_ms("teacher") == pytest.approx(7 + own)


def test_nothing_to_ask(models):
    with pytest.raises(ExportError, match="models_none"):
        classify(PICTURES, {})
    assert len(classify([], models)["teacher"]) == 0


def test_two_batches_at_once_give_the_same_in_order(models):
    pictures, timing = [*PICTURES, *solid((250, 0, 0), 4)], Timing()
    alone = list(stream(pictures, models, batch=2))
    together = list(stream(pictures, models, batch=2, timing=timing, workers=2))
    assert [done for done, _ in together] == [done for done, _ in alone] == [2, 4, 6, 7]
    for (_, one), (_, other) in zip(alone, together, strict=True):
        assert (one["teacher"].logits == other["teacher"].logits).all()
    assert timing.images == 7
    assert set(timing.network_ms) == set(models)
