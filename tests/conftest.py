"""What every test shares."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """A developer's own `RIVERRUN_*` variables would override the pipeline files of the tests."""
    for name in [name for name in os.environ if name.startswith("RIVERRUN_")]:
        monkeypatch.delenv(name)
