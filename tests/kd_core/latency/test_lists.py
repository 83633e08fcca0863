from kd_core.latency.lists import PRECISIONS, RUNTIMES


def test_names_are_plain_and_stand_once():
    for names in (RUNTIMES, PRECISIONS):
        assert len(set(names)) == len(names)
        assert all(name.isidentifier() and name == name.lower() for name in names)
