"""Errors of the agents room."""


class AgentError(Exception):
    """Root of every error of an agent."""


class InvalidEvent(AgentError, ValueError):
    """An event whose id, features or label cannot be used."""


class UnknownLabel(AgentError, LookupError):
    """A label whose event did not come while the label waited."""


class LearnRefused(AgentError):
    """A learner failed while it learned: it may be half changed and must be thrown away.

    Whoever runs the agent restores the state and hands the event over again, set aside.

    Args:
        topic: Of the event or label.
        offset: Of it, in the partition of the batch.
        cause: What the learner raised.
    """

    def __init__(self, topic: str, offset: int, cause: Exception) -> None:
        super().__init__(f"the learner failed on {topic} at offset {offset}: {cause}")
        self.topic = topic
        self.offset = offset
        self.cause = cause


class UnknownFunction(AgentError, ValueError):
    """A feature function "module:name" that is not there, or is no function."""


class FunctionFailed(AgentError, ValueError):
    """A feature function raised, or gave something else than finite numbers by name."""
