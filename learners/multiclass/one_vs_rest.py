"""Several classes by one learner of two classes for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np

from learners.base import Scored, Task
from learners.engine.compiled import Compiled
from learners.engine.kernels import Floats, Ints
from learners.ensembles.members import Ensemble
from learners.errors import WrongValue
from learners.multiclass.base import Classes


class OneVsRest(Ensemble[Compiled]):
    """One of our learners of two classes for every class: this one, or any other.

    A class gets its learner when it is first met. The score is the share of the likeliest
    class in the sum of all P(True). As River's OneVsRestClassifier.

    Parameters
    ----------
    learner
        The name of one of our binary learners as "type", and its parameters.

    Examples
    --------
    >>> from river import datasets, metrics
    >>> from learners import create
    >>> learner = {"type": "logistic_regression", "learning_rate": 0.1}
    >>> model = create("one_vs_rest", {"learner": learner}, scale=True)
    >>> accuracy = metrics.Accuracy()
    >>> for x, y in datasets.ImageSegments():
    ...     accuracy.update(y, model.predict_one(x))
    ...     model.learn_one(x, y)
    >>> accuracy
    Accuracy: 82.64%

    References
    ----------
    Rifkin, Klautau: In Defense of One-Vs-All Classification. JMLR 5 (2004).
    """

    task: ClassVar[Task] = "multiclass"

    def __init__(self, learner: Mapping[str, Any]) -> None:
        super().__init__(learner, Compiled, "binary")  # type: ignore[type-abstract]
        self.classes = Classes()
        self.new_member()  # a wrong parameter is refused here, not at the first event

    def targets(self, labels: Sequence[Any]) -> Floats:
        """The number of each label's class; NaN for UNLABELLED."""
        return self.classes.targets(labels)

    def advance(
        self, predict_with: Floats, learn_from: Floats, columns: Ints, targets: Floats, times: Ints
    ) -> Scored:
        """See Compiled. Of several learners, each answers as if its classes were all."""
        numbers = self.own(len(self.classes))
        for _ in range(len(self.members), len(numbers)):
            self.members.append(self.new_member())
            self.members[-1].grow(len(self.columns))
        chances = np.zeros((len(targets), len(self.classes)))
        for k, member in zip(numbers, self.members, strict=True):
            own = np.where(np.isnan(targets), math.nan, targets == k)
            if k >= self.classes.learned:
                own[: int((targets == k).argmax())] = math.nan  # it does not exist before
            chances[:, k] = member.advance(predict_with, learn_from, columns, own, times).scores
        return self.classes.answer(chances, targets)

    def new_member(self) -> Compiled:
        """See Ensemble."""
        member = super().new_member()
        if member.task != "binary":
            raise WrongValue("learner", self.learner, "is no learner of two classes")
        return member

    def state(self) -> dict[str, Any]:
        """The names of features and classes, and the states of the members."""
        return {
            "features": self.columns.names,
            "classes": self.classes.names,
            "members": self.member_states(),
        }

    def load(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave."""
        self.columns.replace(state["features"])
        self.classes = Classes(state["classes"])
        self.members = [self.new_member() for _ in self.own(len(self.classes))]
        self.load_members(state["members"])

    def join(self, shares: Sequence[Self], newest: Self) -> None:
        """See Ensemble. A class is there once the learner that has it knows it."""
        super().join(shares, newest)
        names = max((share.classes.names for share in shares), key=len)
        self.classes = Classes(names[: len(self.members)])

    def there(self, shares: Sequence[Self]) -> range:
        """See Ensemble."""
        known = [len(share.classes) for share in shares]
        most = max(known)
        return range(next((k for k in range(most) if k >= known[k % len(shares)]), most))
