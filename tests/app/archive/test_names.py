"""The name of an archived model says what it is, and other names are left alone."""

from datetime import UTC, datetime

from app.archive.names import Archived, archived, digest, draft
from app.files.local import draft_of

FILE = Archived(3, datetime(2026, 11, 28, 13, 56, tzinfo=UTC), 1234, digest(b"x"), "fraud.v2")


def test_a_name_is_read_back() -> None:
    assert FILE.name.startswith("fraud.v2/00003/20261128T135600Z-0000000001234-2d7116")
    assert archived([FILE.name]) == [FILE]


def test_other_names_are_left_out() -> None:
    name = FILE.name
    others = [
        name.replace(".riverrun", ".tmp"),
        name.replace("/00003/", "/3/"),
        name.replace("fraud.v2/", ""),
        name.replace(digest(b"x"), digest(b"x")[:-1]),
        "fraud.v2/00003/readme.txt",
        f"{name}.0",
    ]
    assert archived(others) == []


def test_they_are_in_the_order_of_partition_and_time() -> None:
    early = Archived(3, datetime(2026, 11, 28, 13, 55, tzinfo=UTC), 9999, digest(b"y"), "fraud.v2")
    first = Archived(2, datetime(2026, 11, 29, tzinfo=UTC), 0, digest(b"z"), "fraud.v2")
    assert archived([FILE.name, early.name, first.name]) == [first, early, FILE]


def test_a_draft_is_known_by_what_it_was_to_be() -> None:
    assert draft(draft_of(FILE.name)) == FILE
    assert draft(FILE.name) is None
    assert draft(draft_of("fraud.v2/00003/readme.txt")) is None
    assert draft("fraud.v2/00003/.hidden") is None
