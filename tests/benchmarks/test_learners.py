"""The learners' speed is measured for ours and River's, in batches and one by one."""

import pytest

from benchmarks.learners import PAIRS, Counterparts, measure
from learners import registry


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair.ours)
def test_a_row_has_all_times_and_their_ratio(pair: Counterparts) -> None:
    row = measure(pair, 10, rounds=1)
    assert row["learner"] in registry.OURS
    assert row["batch_us"] > 0.0
    assert row["single_us"] > row["batch_us"]
    if pair.river is None:
        assert row["river_us"] is row["river_to_batch"] is None
    else:
        assert row["river_to_batch"] == pytest.approx(row["river_us"] / row["batch_us"], rel=0.1)
