import pytest

from kd_core.errors import AccessError
from kd_core.study.guessing import Guesses


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_who_guesses_waits_until_the_first_try_is_a_minute_old():
    clock = Clock()
    guesses = Guesses(of_one=2, of_all=9, clock=clock)
    guesses.attempt("ana")
    clock.now += 20
    guesses.attempt("ana")
    with pytest.raises(AccessError) as caught:
        guesses.attempt("ana")
    assert caught.value.fields["wait_s"] == pytest.approx(40)
    guesses.attempt("ben")  # others are not locked out by one
    clock.now += 40
    guesses.attempt("ana")


def test_new_names_do_not_help_a_program_that_guesses():
    guesses = Guesses(of_one=5, of_all=10, clock=Clock())
    for number in range(10):
        guesses.attempt(f"name-{number}")
    with pytest.raises(AccessError, match="too_many_tries"):
        guesses.attempt("another")


def test_a_right_word_clears_the_tries():
    guesses = Guesses(of_one=2, of_all=2, clock=Clock())
    for _ in range(5):
        guesses.attempt("ana")
        guesses.right("ana")
