import pytest

from engine.progress import WINDOW, Pace


def test_estimating_until_two_images_are_finished() -> None:
    pace = Pace()
    assert pace.images_per_minute(0.0) is None
    pace.note(0, 100.0)
    pace.note(1, 110.0)
    assert pace.images_per_minute(110.0) is None
    assert pace.eta_s(5, 110.0) is None
    pace.note(2, 120.0)
    assert pace.images_per_minute(120.0) == pytest.approx(6.0)
    assert pace.eta_s(3, 120.0) == pytest.approx(30.0)


def test_what_was_finished_before_the_first_look_does_not_count() -> None:
    pace = Pace()
    pace.note(500, 0.0)
    pace.note(502, 60.0)
    assert pace.images_per_minute(60.0) == pytest.approx(2.0)


def test_standing_still_makes_the_rate_fall() -> None:
    pace = Pace()
    pace.note(0, 0.0)
    pace.note(4, 60.0)
    assert pace.images_per_minute(60.0) == pytest.approx(4.0)
    assert pace.images_per_minute(120.0) == pytest.approx(2.0)


def test_a_pause_is_left_out() -> None:
    pace = Pace()
    pace.note(0, 0.0)
    pace.note(4, 60.0)
    pace.pause(3_600.0)
    assert pace.images_per_minute(3_660.0) == pytest.approx(4.0)


def test_the_average_moves() -> None:
    pace = Pace()
    pace.note(0, 0.0)
    for number in range(1, WINDOW + 1):
        pace.note(number, number * 60.0)  # one a minute
    at = WINDOW * 60.0
    for number in range(1, WINDOW + 1):
        pace.note(WINDOW + number, at + number)  # then one a second
    assert pace.images_per_minute(at + WINDOW) == pytest.approx(60.0, rel=0.05)


def test_a_count_that_falls_is_no_finished_image() -> None:
    pace = Pace()
    pace.note(0, 0.0)
    pace.note(2, 60.0)
    pace.note(1, 61.0)  # an image went back into a retry
    pace.note(2, 62.0)
    assert pace.images_per_minute(60.0) == pytest.approx(3.0)


def test_nothing_left_is_done_at_once() -> None:
    pace = Pace()
    pace.note(0, 0.0)
    pace.note(2, 30.0)
    assert pace.eta_s(0, 30.0) == 0.0


def test_two_images_in_the_moment_of_the_first_look_divide_by_nothing() -> None:
    pace = Pace()
    pace.note(0, 5.0)
    pace.note(2, 5.0)
    assert pace.images_per_minute(5.0) is None
    assert pace.eta_s(2, 5.0) is None
