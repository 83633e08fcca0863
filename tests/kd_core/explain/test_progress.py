import pytest

from kd_core.errors import JobError
from kd_core.explain.progress import tell


def test_false_stops_and_nothing_else_does():
    for answer in (None, True, 0):
        tell(lambda done, total, answer=answer: answer, 1, 2)
    with pytest.raises(JobError) as caught:
        tell(lambda done, total: False, 1, 2)
    assert caught.value.fields == {"done": 1, "total": 2}
