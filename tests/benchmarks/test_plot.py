"""The drawings are well-formed, and show every number that they are given."""

import re
from xml.etree import ElementTree

import pytest

from benchmarks.pattern_plot import HEIGHT, TOP, shares
from benchmarks.plot import STAGES, bars, curves, time
from benchmarks.stages import STAGES as MEASURED

LEARNERS = [
    {
        "benchmark": "learners",
        "learner": name,
        "features": n,
        "batch_us": n / 50,
        "single_us": 10.0 + n / 3,
        "river_us": None if name == "arow" else 10.0 + n / 2.9,
    }
    for name in ("passive_aggressive", "arow")
    for n in (10, 100, 1_000)
]


def texts(drawing: str) -> list[tuple[float, float, str]]:
    """Every text and its place."""
    root = ElementTree.fromstring(drawing)
    found = root.iter("{http://www.w3.org/2000/svg}text")
    return [(float(t.attrib["x"]), float(t.attrib["y"]), t.text or "") for t in found]


def test_each_learner_has_a_panel_and_the_last_value_of_each_curve() -> None:
    said = [text for *_, text in texts(curves(LEARNERS))]
    assert {"passive aggressive", "arow", "1,000"} <= set(said)
    assert said.count("20 µs") == 2
    assert said.count(time(10 + 1_000 / 2.9)) == 1
    assert curves(LEARNERS).count("<polyline") == 5 + 3  # and three in the legend


PATTERN = [
    {"benchmark": "pattern", "day": day, "live_share": share, "frozen_share": 0.0, "rule_share": 0}
    for day in range(10)
    for share in (0.2, 0.4)
]


def test_a_new_fraud_has_a_curve_for_each_who_looks_and_the_day_of_its_labels() -> None:
    drawing = shares([*PATTERN, {"benchmark": "pattern", "day": None}])
    said = {text for *_, text in texts(drawing)}
    assert {"live model", "frozen model", "hand rule", "its first labels come", "8"} <= said
    assert drawing.count("<polyline") == 3
    half, none = TOP + HEIGHT * 0.7, TOP + HEIGHT * 1.0  # 30 % is the mean of the runs
    assert drawing.count(f'cy="{half:.1f}"') == 10
    assert drawing.count(f'cy="{none:.1f}"') == 20


def test_no_two_texts_stand_over_each_other() -> None:
    for x, y, _ in (places := texts(curves(LEARNERS))):
        near = [1 for a, b, _ in places if abs(x - a) < 1.0 and abs(y - b) < 12.0]
        assert len(near) == 1


def test_curves_follow_the_theme_of_the_reader() -> None:
    light, dark = curves(LEARNERS).split("@media (prefers-color-scheme: dark)")
    for name in ("paper", "ink", "a", "b", "c"):
        colours = [re.search(rf"^\.{name} {{ fill: (#\w+)", part, re.M) for part in (light, dark)]
        assert all(colours)
        assert len({found[1] for found in colours if found}) == 2


def test_the_bars_have_a_part_for_each_stage_as_long_as_its_time() -> None:
    row = {f"{stage}_us": 1.0 + i for i, stage in enumerate(MEASURED)}
    rows = [
        {
            "benchmark": "stages",
            "format": name,
            "clock": "wall",
            "total_us": sum(row.values()),
            **row,
        }
        for name in ("json", "msgpack")
    ]
    root = ElementTree.fromstring(bars(rows))
    boxes = list(root.iter("{http://www.w3.org/2000/svg}rect"))[1:]
    widths = [float(box.attrib["width"]) + 1.5 for box in boxes[: len(MEASURED)]]
    assert widths[1] / widths[0] == pytest.approx(row["decode_us"] / row["fetch_us"], rel=0.01)
    assert sum(widths) == pytest.approx(640, abs=1)
    assert [text for *_, text in texts(bars(rows))].count("55.00 µs") == 2


def test_every_stage_that_is_measured_is_drawn() -> None:
    assert set(STAGES) == set(MEASURED)


@pytest.mark.parametrize(
    ("microseconds", "said"),
    [(0.1, "0.1 µs"), (19.4, "19 µs"), (694.0, "694 µs"), (1900.0, "1.9 ms")],
)
def test_times_have_a_fitting_unit(microseconds: float, said: str) -> None:
    assert time(microseconds) == said
