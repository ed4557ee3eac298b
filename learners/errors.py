"""Every error of this package, under one root."""

from typing import ClassVar


class LearnerError(ValueError):
    """Something about a learner: its name, a parameter, a label, a snapshot."""


class UnknownLearner(LearnerError):
    """The type names no learner of the registry, no River estimator and no importable object."""


class ParameterError(LearnerError):
    """A learner's parameter is unknown, of the wrong type or outside its range."""


class UnknownParameter(ParameterError):
    """A parameter that the learner does not have."""


class WrongValue(ParameterError):
    """A parameter has a value that it cannot have.

    Attributes
    ----------
    key, value
        Of the parameter.
    what
        What it must be.
    """

    def __init__(self, key: str, value: object, what: str) -> None:
        super().__init__(f"{key} = {value!r}: {what}")
        self.key = key
        self.value = value
        self.what = what


class TableError(ParameterError):
    """Something about a table of settings beside the parameters.

    Attributes
    ----------
    table
        The name of the table; each kind of these errors has its own.
    key
        The key of it that is wrong.
    what
        What is wrong with it, and what is allowed.
    unknown
        Whether there is no such key.
    """

    table: ClassVar[str]

    def __init__(self, key: str, what: str, *, unknown: bool = False) -> None:
        super().__init__(f"{self.table}.{key}: {what}")
        self.key = key
        self.what = what
        self.unknown = unknown


class DriftError(TableError):
    """Something about how a learner is watched."""

    table = "drift"


class RuleError(TableError):
    """Something about the rule beside a learner."""

    table = "rule"


class StepError(ParameterError):
    """Something about a step before a learner.

    Attributes
    ----------
    index
        Which step, counted from 0.
    key
        Of its table, that is wrong.
    what
        What is wrong with it, and what is allowed.
    unknown
        Whether there is no such key; its value is not shown then.
    """

    def __init__(
        self, index: int, key: str, value: object, what: str, *, unknown: bool = False
    ) -> None:
        shown = f"steps[{index}].{key}" if unknown else f"steps[{index}].{key} = {value!r}"
        super().__init__(f"{shown}: {what}")
        self.index = index
        self.key = key
        self.what = what
        self.unknown = unknown


class CannotExplain(LearnerError):
    """The learner has no contributions that add up to its score."""


class LabelError(LearnerError):
    """A label that the learner cannot take."""


class LearnFailed(LearnerError):
    """Learning from one row raised; the model may be half changed and must be thrown away.

    Attributes
    ----------
    index
        The row, counted from the start of the batch. All rows before it were learned.
    cause
        What the learner raised.
    """

    def __init__(self, index: int, cause: Exception) -> None:
        super().__init__(f"row {index}: {type(cause).__name__}: {cause}")
        self.index = index
        self.cause = cause


class SnapshotError(LearnerError):
    """A snapshot that cannot be written, read or used."""


class NotASnapshot(SnapshotError):
    """The bytes do not begin as a snapshot of riverrun begins."""


class SnapshotVersion(SnapshotError):
    """Written in a format that this version does not read."""


class SnapshotTruncated(SnapshotError):
    """The bytes end too early."""


class SnapshotDamaged(SnapshotError):
    """The digest does not match: at least one byte has changed."""


class SignatureMissing(SnapshotError):
    """A key is configured and the snapshot is not signed, or the other way round."""


class SignatureWrong(SnapshotError):
    """The snapshot was signed with another key, or was changed."""


class ForbiddenClass(SnapshotError):
    """A saved estimator names something that is not on the list of what it may name."""


class SnapshotMismatch(SnapshotError):
    """The snapshot is of another learner than the one that the pipeline file names."""


class NotSnapshotable(SnapshotError):
    """The learner holds something that cannot be written."""
