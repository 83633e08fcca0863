import dataclasses

from kd_core.data.windows import Window
from kd_core.study.store import Store
from kd_core.study.window import window_of
from tests.helpers_devices import finished_run


def test_the_default_where_the_set_is_not_here(home):
    record = Store(home).record(finished_run(Store(home)))
    assert window_of(record, home) == Window()


def test_the_window_of_the_set_with_the_same_content(home, monkeypatch):
    from kd_core.study import window as module

    record = Store(home).record(finished_run(Store(home)))
    wanted = Window(kind="fixed", low=0, high=9)

    @dataclasses.dataclass
    class Info:
        hash: str
        window: Window

    class Two:
        def __init__(self, root):
            pass

        def names(self):
            return ("other", "same")

        def info(self, name):
            return Info(record.data.hash if name == "same" else "x", wanted)

    monkeypatch.setattr(module, "Library", Two)
    assert window_of(record, home) == wanted
