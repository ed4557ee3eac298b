"""What learners that are made of others have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Self, TypeVar

from learners.engine.columns import Columns
from learners.engine.compiled import Compiled
from learners.errors import WrongValue
from learners.ours import ALONE, made
from learners.spread.owning import share_of

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
        self.learners = 1
        self._share: int | None = None
        self._kind = kind

    def divide(self, learners: int, share: int | None) -> None:
        """Be one of several learners among which the members are divided, or all of them.

        Called before anything is learned; see `learners.spread.owning.share_of`.
        """
        self.learners, self._share = learners, share

    def own(self, count: int) -> range:
        """The numbers of the members that are here, of so many; `members` has them in this
        order."""
        return share_of(count, self._share, self.learners)

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

    def join(self, shares: Sequence[Self], newest: Self) -> None:
        """Have copies of the members of several learners.

        Parameters
        ----------
        shares
            All of them, by their numbers. They have learned the first rows of one log: who is
            behind knows the first of the features that the others know.
        newest
            The one that has learned most: what members have in common is as it has it.
        """
        self.members = [self._copied(shares, k) for k in self.there(shares)]
        most = max(shares, key=lambda share: len(share.columns))
        self.columns.replace(most.columns.names)
        self.grow(len(self.columns))

    def there(self, shares: Sequence[Self]) -> range:
        """The numbers of the members that several learners have together, without a gap."""
        return range(sum(len(share.members) for share in shares))

    def _copied(self, shares: Sequence[Self], k: int) -> M:
        member = self.new_member()
        member.load(shares[k % len(shares)].members[k // len(shares)].state())
        return member

    def load_members(self, states: Sequence[Mapping[str, Any]]) -> None:
        """Let the members take over what `member_states` gave; the columns have their names."""
        names = self.columns.names
        for member, state in zip(self.members, states, strict=True):
            member.load({**state, "features": names})
