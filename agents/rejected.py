"""What is set aside: the one way out for input that cannot be used."""

from __future__ import annotations

from typing import NamedTuple

from topics.dead_letters import Stage
from topics.records import Record


class Rejected(NamedTuple):
    """A record that becomes a dead letter: at which stage, and why."""

    record: Record
    stage: Stage
    error: Exception
