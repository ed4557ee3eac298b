"""A record of a metrics topic says what the documentation says."""

import msgspec
import pytest

from tests.markdown import ROOT, blocks, rows
from topics.codecs import FORMATS, Codec
from topics.metrics import AlertMetrics, BaselineMetrics, WindowMetrics

PAGE = ROOT / "docs" / "metrics.md"


@pytest.fixture
def shown() -> bytes:
    """The record on the page."""
    return blocks(PAGE, "json")[0].text.encode()


def test_the_record_of_the_documentation_has_every_field(shown: bytes) -> None:
    record = msgspec.json.decode(shown, type=WindowMetrics)
    assert msgspec.json.decode(msgspec.json.encode(record)) == msgspec.json.decode(shown)
    assert record.key == f"{record.start}/0".encode()


@pytest.mark.parametrize("name", FORMATS)
def test_a_record_comes_back_in_every_format(name: str, shown: bytes) -> None:
    record = msgspec.json.decode(shown, type=WindowMetrics)
    codec = Codec(name)
    assert codec.decoder(WindowMetrics)(codec.encode(record)) == record


@pytest.mark.parametrize("kind", [BaselineMetrics, AlertMetrics])
def test_every_metric_is_defined_on_the_page(kind: type[msgspec.Struct]) -> None:
    prefix = "decided." if kind is AlertMetrics else ""
    defined = {word for row in rows(PAGE) for word in row[0].replace("`", "").split(", ")}
    names = {f"{prefix}{name}" for name in kind.__struct_fields__}
    assert names - {"scored", "decided.labelled"} <= defined
