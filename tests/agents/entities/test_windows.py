from __future__ import annotations

import pytest

from agents.entities.windows import MOST, Windows, spelled

S, M, H, D = 1.0, 60.0, 3_600.0, 86_400.0


@pytest.mark.parametrize(
    ("windows", "bucket"),
    [
        ([D], "1d"),
        ([D, 7 * D, 30 * D], "1d"),
        ([90 * D], "1d"),
        ([365 * D, 1000 * D], "7d"),
        ([36 * H], "6h"),
        ([12 * H], "1h"),
        ([H], "10m"),
        ([H, D], "10m"),
        ([H, 7 * D], "30m"),
        ([15 * M], "1m"),
        ([30 * S], "5s"),
        ([2 * S], "1s"),
        ([0.5], "500ms"),
    ],
)
def test_the_default_bucket_follows_the_windows(windows: list[float], bucket: str) -> None:
    made = Windows.of(windows, 0.0, None)
    assert spelled(made.bucket / 1000) == bucket
    assert made.ring <= MOST


def test_a_ring_holds_the_longest_window_the_delay_and_one_late_bucket() -> None:
    assert Windows.of([D, 30 * D], 0.0, None).ring == 30 + 1 + 1
    assert Windows.of([D, 30 * D], 7 * D, None).ring == 30 + 7 + 1 + 1
    assert Windows.of([90 * M], 30 * M, H).spans == (2,)
    assert Windows.of([90 * M], 30 * M, H).ring == 2 + 1 + 1 + 1


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(90 * D, "90d"), (12 * H, "12h"), (90 * M, "90m"), (90.0, "90s"), (1.5, "1500ms")],
)
def test_a_length_is_spelled_in_its_largest_whole_unit(seconds: float, text: str) -> None:
    assert spelled(seconds) == text
