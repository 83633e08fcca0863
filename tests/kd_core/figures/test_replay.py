import numpy as np

from kd_core.figures.replay import replay_figure, replay_info
from kd_core.text import Msg


def test_shares_are_counted_and_the_ring_is_where_one_looks():
    answers = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 1, 1, 0]])
    info = replay_info(np.array([1, 5, 9]), answers, np.array([0, 1, 1, 1]), at=1)
    assert info.shares == (0.25, 0.5, 0.75)
    made = replay_figure(info, lambda msg: msg.id if isinstance(msg, Msg) else msg)
    assert list(made.data[0].y) == [0.25, 0.5, 0.75]
    assert (list(made.data[1].x), list(made.data[1].y)) == ([5], [0.5])
