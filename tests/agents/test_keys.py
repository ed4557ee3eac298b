from __future__ import annotations

from typing import Any

import pytest

from agents.keys import id_of, key_of


@pytest.mark.parametrize(
    ("id_", "key"),
    [
        ("a1", 'row/"a1"'),
        ('a "b"\n/', r'row/"a \"b\"\n/"'),
        ("Zürich €", 'row/"Zürich €"'),
        ("7", 'row/"7"'),
        (7, "row/7"),
        (-(2**63), "row/-9223372036854775808"),
        (10**20, "row/100000000000000000000"),
        (0.1, "row/0.1"),
        (1.0, "row/1.0"),
        (1e16, "row/1e16"),
        (True, "row/true"),
    ],
)
def test_keys_that_lie_on_kafka_stay_as_they_are(id_: Any, key: str) -> None:
    assert key_of("row/", id_) == key
    found = id_of("row/", key)
    assert (found, type(found)) == (id_, type(id_))
