"""Errors of the agents room."""

from __future__ import annotations

from typing import NamedTuple

from topics.records import Record


class Refusal(NamedTuple):
    """What could not be learned.

    Attributes:
        topic: Of the record that it happened by.
        partition: Of that record.
        offset: Of that record.
        label: Of a late label: its kind, and the id of its event as JSON. Empty for an event.
    """

    topic: str
    partition: int
    offset: int
    label: str = ""

    @classmethod
    def of(cls, record: Record, label: str = "") -> Refusal:
        """Of what happened by ``record``."""
        return cls(record.topic() or "", record.partition() or 0, record.offset() or 0, label)


class AgentError(Exception):
    """Root of every error of an agent."""


class InvalidEvent(AgentError, ValueError):
    """An event whose id, features or label cannot be used."""


class UnknownLabel(AgentError, LookupError):
    """A label whose event did not come while the label waited."""


class LearnRefused(AgentError):
    """A learner failed while it learned: it may be half changed and must be thrown away.

    Whoever runs the agent restores the state and hands the records over again, with the refusal:
    then that one event or label is set aside.

    Args:
        refusal: What it failed on.
        cause: What the learner raised.
    """

    def __init__(self, refusal: Refusal, cause: Exception) -> None:
        topic, partition, offset, _ = refusal
        super().__init__(f"the learner failed on {topic}[{partition}]@{offset}: {cause}")
        self.refusal = refusal
        self.cause = cause


class UnknownFunction(AgentError, ValueError):
    """A feature function "module:name" that is not there, or is no function."""


class FunctionFailed(AgentError, ValueError):
    """A feature function raised, or gave something else than finite numbers by name."""
