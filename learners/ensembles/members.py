"""What learners that are made of others have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

from learners.engine.columns import Columns
from learners.engine.compiled import Compiled
from learners.errors import WrongValue
from learners.ours import ALONE, made

M = TypeVar("M", bound=Compiled)


class Ensemble(Compiled, Generic[M]):
    """A learner that is made of members: learners of one type, all over its own columns.

    Parameters
    ----------
    learner
        A table: the name of one of our learners as "type", and its parameters.
    kind
        The class of which the members must be.
    called
        How errors call such learners.

    Raises WrongValue for another table.
    """

    def __init__(self, learner: Any, kind: type[M], called: str) -> None:
        super().__init__()
        named = ALONE.get(str(learner.get("type"))) if isinstance(learner, Mapping) else None
        if named is None or not issubclass(named, kind):
            what = f'must be a table with one of our {called} learners as "type"'
            raise WrongValue("learner", learner, what)
        self.learner = dict(learner)
        self.members: list[M] = []
        self._kind = kind

    def new_member(self) -> M:
        """A member that has learned nothing. Raises ParameterError for a wrong parameter."""
        params = {key: value for key, value in self.learner.items() if key != "type"}
        member = made(ALONE, self.learner["type"], params)
        assert isinstance(member, self._kind)
        member.share(self.columns)
        return member

    def share(self, columns: Columns) -> None:
        """Use these columns, in all members too."""
        super().share(columns)
        for member in self.members:
            member.share(columns)

    def grow(self, n: int) -> None:
        """Make room for `n` columns."""
        for member in self.members:
            member.grow(n)

    def warm_up(self, n_features: int) -> None:
        """Compile the kernels of a member."""
        super().warm_up(n_features)
        self.new_member().warm_up(n_features)

    def member_states(self) -> list[dict[str, Any]]:
        """The states of the members, without the names of the features: those are common."""
        states = [member.state() for member in self.members]
        for state in states:
            del state["features"]
        return states

    def load_members(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Let the members take over what `member_states` gave; the columns have their names."""
        names = self.columns.names
        for member, state in zip(self.members, states, strict=True):
            member.load({**state, "features": names})
