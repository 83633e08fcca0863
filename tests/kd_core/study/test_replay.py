"""Looking at a network while it learns: what is kept, and that looking changes nothing."""

import numpy as np
import torch

from kd_core.study.replay import FILE, IMAGES, Replay, look_steps, read_looks, spread
from kd_core.train.loader import Pixels, normalisation
from tests.helpers_data import tiny_data
from tests.helpers_train import equal_weights, tiny_fit, tiny_run


def test_looks_are_spread_over_the_budget_and_end_with_the_last_step():
    assert look_steps(120, 12) == tuple(range(10, 121, 10))
    assert look_steps(3, 12) == (1, 2, 3)
    assert look_steps(100, 1) == (100,)


def test_rows_are_spread_and_never_twice():
    assert spread(600, IMAGES)[[0, -1]].tolist() == [0, 599]
    assert spread(5, IMAGES).tolist() == [0, 1, 2, 3, 4]


def test_looking_changes_nothing_and_keeps_what_the_network_said(tmp_path):
    data, run = tiny_data(), tiny_run(replay=4)
    plain = tiny_fit(run, data, tmp_path / "plain")
    seen = []

    class Spy(Replay):
        def _ask(self, network):
            said = super()._ask(network)
            assert network.training
            with torch.no_grad():
                network.eval()
                pixels = Pixels(
                    data.parts["val"], *normalisation(data, run.data), torch.device("cpu")
                )
                seen.append(network(pixels(self.rows.astype(np.int64), None))["logits"].numpy())
                network.train()
            return said

    watched = tiny_fit(run, data, tmp_path / "seen", watch=Spy(run, data, tmp_path / "seen"))
    assert equal_weights(plain.network, watched.network)
    looks = read_looks(tmp_path / "seen")
    assert looks.steps.tolist() == list(look_steps(watched.steps, 4))
    np.testing.assert_allclose(looks.logits, np.stack(seen), atol=2e-3)  # kept in 16 bits
    assert (tmp_path / "seen" / FILE).stat().st_size < 20_000


def test_a_run_that_goes_on_from_an_older_step_looks_again(tmp_path):
    data, run = tiny_data(), tiny_run(replay=4)
    fitted = tiny_fit(run, data, tmp_path, watch=Replay(run, data, tmp_path))
    steps = look_steps(fitted.steps, 4)
    again = Replay(run, data, tmp_path)
    again(steps[1], fitted.steps, fitted.network)
    assert read_looks(tmp_path).steps.tolist() == list(steps[:2])


def test_nothing_is_kept_where_nobody_asked(tmp_path):
    assert read_looks(tmp_path) is None
