import pytest

from kd_core.config import CompressStep, DistilSettings, LossTerm, ModelSettings, TrainSettings
from kd_core.errors import ModelError
from kd_core.models import TaskModel, build_model
from kd_core.study.records import Job
from kd_core.study.tuning import Tuner, history_length, joined, shared_recipe
from kd_core.train import FitResult
from tests.helpers_data import tiny_data
from tests.helpers_train import tiny_run

RECIPE = TrainSettings(epochs=4, batch_size=10)


def fitted(epochs: int, best: int, steps: int) -> FitResult:
    history = tuple({"epoch": e + 1.0, "step": 10.0 * (e + 1)} for e in range(epochs))
    return FitResult(None, history, best, "accuracy", steps, 2.0, 1.0, 5, f"start{epochs}")


def tuner(tmp_path, **more) -> Tuner:
    step = CompressStep(method="finetune", tune=RECIPE, distil=more.pop("distil", None))
    job = Job(run_id="r", folder=tmp_path, home=tmp_path)
    return Tuner(tiny_run(views=3), step, job, tiny_data(), None, tmp_path, **more)


@pytest.mark.parametrize(("share", "steps"), [(0.5, 20), (0.01, 1), (1 / 3, 13)])
def test_a_share_of_the_budget_in_steps(share, steps):
    assert shared_recipe(RECIPE, share, 100).steps == steps


def test_the_whole_budget_keeps_the_recipe():
    assert shared_recipe(RECIPE, 1.0, 100) is RECIPE


def test_histories_are_counted_on():
    rows = joined([fitted(2, 1, 20), fitted(1, 1, 10)], epochs=3, steps=30)
    assert [(row["epoch"], row["step"]) for row in rows] == [(4, 40), (5, 50), (6, 60)]


def test_the_record_sums_what_was_tuned_and_keeps_the_last_best_epoch(tmp_path):
    one = tuner(tmp_path, epochs=3, fits=[fitted(2, 1, 20), fitted(3, 2, 30)])
    record = one.record()
    assert (record.best_epoch, record.steps, record.seconds) == (3 + 2 + 2, 50, 4.0)
    assert (record.teacher_images, record.initial_sha256) == (10, "start2")
    assert tuner(tmp_path).record() is None


def test_views_follow_the_teacher_and_else_the_study(tmp_path):
    assert tuner(tmp_path)._settings(1.0).views == 3
    cached = DistilSettings(views=5)
    assert tuner(tmp_path, distil=cached)._settings(1.0).views == 5
    live = DistilSettings(teacher_outputs="live")
    assert tuner(tmp_path, distil=live)._settings(1.0).views is None


def narrow(width: int) -> TaskModel:
    """What is left of a network after pruning has fewer channels in the same places."""
    settings = ModelSettings(name="tiny_cnn", params={"width": width, "depth": 2})
    return build_model(settings, 3, 3, 16, seed=0)


def tuned_by(tmp_path, term):
    distil = DistilSettings(losses=(term,), views=2)
    step = CompressStep(method="finetune", tune=RECIPE.change(epochs=2), distil=distil)
    job = Job(run_id="r", folder=tmp_path, home=tmp_path)
    one = Tuner(tiny_run(views=3), step, job, tiny_data(), narrow(16).eval(), tmp_path / "tune")
    return one, one(narrow(8), 0.5)


def test_a_step_is_tuned_by_what_is_inside_the_teacher(tmp_path):
    one, network = tuned_by(tmp_path, LossTerm(name="review", weight=1.0))
    assert {"loss.task", "loss.review"} <= set(one.fits[0].history[0])
    assert network.network.state_dict().keys() == narrow(8).network.state_dict().keys()
    record = one.record()
    assert (record.teacher_features, record.steps) == (one.fits[0].teacher_features, 4)
    assert record.energy_j == one.fits[0].energy_j


def test_a_layer_that_compression_removed_is_named(tmp_path):
    term = LossTerm(name="hint", weight=1.0, layers=(("stages.1", "stages.1.0.1.gone"),))
    with pytest.raises(ModelError) as caught:
        tuned_by(tmp_path, term)
    assert caught.value.code == "student_layer_unknown"
    assert caught.value.fields["layer"] == "stages.1.0.1.gone"
    assert all(path.startswith("stages.1.0.1") for path in caught.value.fields["near"])


def test_the_length_of_a_history_that_was_left(tmp_path):
    assert history_length(tmp_path) == 0
    one = tuner(tmp_path, fits=[fitted(2, 1, 20)])
    one.write_history(tmp_path)
    assert history_length(tmp_path) == 2
