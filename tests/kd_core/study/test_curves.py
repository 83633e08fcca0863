from kd_core.events import Event, Metric, Progress, Started
from kd_core.study.curves import MAX_STEPS, Curves


def epoch(number: int, loss: float) -> Event:
    values = {"loss.task": loss, "val.accuracy": 1 - loss}
    return Metric(epoch=number, step=number * 10, values=values)


def test_epochs_and_steps_become_tables() -> None:
    events = [
        Started(pid=1, device="cpu"),
        Metric(epoch=1, step=4, values={"loss.task": 0.9}),
        Progress(stage="train", done=4, total=20),
        epoch(1, 0.5),
        epoch(2, 0.25),
    ]
    curves = Curves().extended(events, 99)
    assert curves.offset == 99
    assert curves.epochs["val.accuracy"].tolist() == [0.5, 0.75]
    assert curves.steps["step"].tolist() == [4, 10, 20]


def test_a_resumed_run_replaces_what_it_repeats() -> None:
    before = Curves().extended([epoch(1, 0.5), epoch(2, 0.4), epoch(3, 0.3)], 1)
    events = [Started(pid=2, device="cpu", resumed_epoch=1), epoch(2, 0.35)]
    after = before.extended(events, 2)
    assert after.epochs["epoch"].tolist() == [1, 2]
    assert after.epochs["loss.task"].tolist() == [0.5, 0.35]


def test_memory_is_bounded() -> None:
    steps = [Metric(epoch=1, step=i, values={"loss.task": 1.0}) for i in range(MAX_STEPS + 1)]
    assert len(Curves().extended(steps, 0).steps) <= MAX_STEPS
