import threading

from kd_core.jobs.quiet import Quiet


def in_threads(work, n):
    """Run ``work(0)`` … ``work(n - 1)`` side by side; each stands for a worker process."""
    threads = [threading.Thread(target=work, args=[i], daemon=True) for i in range(n)]
    for thread in threads:
        thread.start()
    return threads


def test_a_single_slot_touches_no_file(tmp_path):
    quiet = Quiet(tmp_path / "quiet", "r1", alone=True)
    quiet.begin()
    quiet.step()
    with quiet.exclusive():
        pass
    quiet.end()
    assert not (tmp_path / "quiet").exists()


def test_nobody_steps_while_somebody_measures(tmp_path):
    begun = threading.Barrier(3)
    done = threading.Event()
    steps, during = [0, 0], []

    def train(i):
        quiet = Quiet(tmp_path, f"r{i}")
        quiet.begin()
        begun.wait()
        while not done.is_set():
            steps[i] += 1
            quiet.step()
        quiet.end()

    threads = in_threads(train, 2)
    measuring = Quiet(tmp_path, "measuring")
    measuring.begin()
    begun.wait()
    for _ in range(3):
        with measuring.exclusive():
            before = list(steps)
            done.wait(0.05)
            during.append([b - a for a, b in zip(before, steps, strict=True)])
    done.set()
    measuring.end()
    for thread in threads:
        thread.join()
    assert during == [[0, 0]] * 3
    assert min(steps) > 0


def test_two_that_want_to_measure_take_turns(tmp_path):
    inside, most = [], []

    def measure(i):
        quiet = Quiet(tmp_path, f"r{i}")
        quiet.begin()
        for _ in range(3):
            with quiet.exclusive():
                inside.append(i)
                most.append(len(inside))
                inside.remove(i)
        quiet.end()

    for thread in in_threads(measure, 2):
        thread.join()
    assert most == [1] * 6


def test_a_run_that_died_holds_nobody_up(tmp_path):
    quiet = Quiet(tmp_path, "alive")
    (tmp_path / "busy-dead.lock").touch()
    (tmp_path / "want-dead.lock").touch()
    quiet.begin()
    with quiet.exclusive():
        pass
    quiet.step()
    quiet.end()
    assert not list(tmp_path.glob("want-*"))


def test_a_run_waits_to_begin_until_the_measurement_is_over(tmp_path):
    begun = threading.Event()

    def begin(_):
        quiet = Quiet(tmp_path, "newcomer")
        quiet.begin()
        begun.set()
        quiet.end()

    measuring = Quiet(tmp_path, "measuring")
    measuring.begin()
    with measuring.exclusive():
        (thread,) = in_threads(begin, 1)
        assert not begun.wait(0.1)
    thread.join()
    assert begun.is_set()
    measuring.end()
