"""A whole model, with all that stands before its learner, as what can be mixed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from learners.linear.base import Linear
from learners.mixing import exact
from learners.mixing.exact import Buckets, Moments
from learners.mixing.family import family
from learners.mixing.learner import MixedLearner
from learners.mixing.numbers import Numbers
from learners.mixing.steps import bins_of, load_bins, load_scaler, moments_of
from learners.model import Model
from learners.registry import from_spec
from learners.scaler import Scaled, Scaler
from learners.spec import LearnerSpec
from learners.stepped import Stepped
from learners.steps.quantile_bins import QuantileBins
from learners.steps.scale import Scale


@dataclass(frozen=True)
class Mixed:
    """What a model knows, or what it has learned since a mark.

    Attributes
    ----------
    numbers
        Of the learner, with the number of labels.
    moments
        Of each scaler, in the order of the steps.
    buckets
        Of the histograms of each quantile_bins, in the order of the steps.
    """

    numbers: Numbers
    moments: tuple[Mapping[str, Moments], ...] = ()
    buckets: tuple[Buckets, ...] = ()

    @property
    def count(self) -> int:
        """Labels learned."""
        return self.numbers.count


class Mixture:
    """Takes models apart, mixes what several have learned, and puts models together again.

    Parameters
    ----------
    spec
        What the models are made of. Raises CannotMix.

    Attributes
    ----------
    gain
        What the sum of the changes was multiplied by when `mixed` was called last: 1 is a sum,
        1 / partitions a mean. None where the learner has another formula.
    """

    def __init__(self, spec: LearnerSpec) -> None:
        self.spec = spec
        self.gain: float | None = None
        self._learner = MixedLearner(family(spec), _learner(self.new_model()))

    def new_model(self) -> Model:
        """One that has learned nothing."""
        return from_spec(self.spec)

    def of(self, model: Model) -> Mixed:
        """What a model knows."""
        moments = tuple(moments_of(scaler) for scaler in _scalers(model))
        buckets = tuple(bins_of(bins) for bins in _bins(model))
        numbers = self._learner.numbers(_learner(model).state(), model.learned)
        return Mixed(numbers, moments, buckets)

    def put(self, model: Model, mixed: Mixed) -> None:
        """Let a model know this, and nothing else."""
        names = mixed.numbers.names if isinstance(model.estimator, Scaled) else None
        for scaler, moments in zip(_scalers(model), mixed.moments, strict=True):
            load_scaler(scaler, moments, names)
        for bins, buckets in zip(_bins(model), mixed.buckets, strict=True):
            load_bins(bins, buckets)
        _learner(model).load(self._learner.state(mixed.numbers))
        model.learned = mixed.count

    def change(self, base: Mixed, now: Mixed) -> Mixed:
        """What was learned between two moments of one model."""
        moments = tuple(map(exact.moments_since, base.moments, now.moments))
        buckets = tuple(map(exact.buckets_since, base.buckets, now.buckets))
        return Mixed(self._learner.change(base.numbers, now.numbers), moments, buckets)

    def mixed(self, old: Mixed, changes: Sequence[Mixed]) -> Mixed:
        """The model of all partitions.

        Parameters
        ----------
        old
            As of the mark before.
        changes
            What each of them has learned since, in the order of the partitions.
        """
        numbers, self.gain = self._learner.mixed(old.numbers, [c.numbers for c in changes])
        return self._with_exact(old, changes, numbers)

    def plus(self, old: Mixed, change: Mixed | None) -> Mixed:
        """The model of all partitions, with what one of them has learned since."""
        if change is None:
            return old
        return self._with_exact(old, [change], self._learner.plus(old.numbers, change.numbers))

    def _with_exact(self, old: Mixed, changes: Sequence[Mixed], numbers: Numbers) -> Mixed:
        moments = tuple(
            exact.moments(each, [change.moments[i] for change in changes])
            for i, each in enumerate(old.moments)
        )
        buckets = tuple(
            exact.buckets(each, [change.buckets[i] for change in changes])
            for i, each in enumerate(old.buckets)
        )
        return Mixed(numbers, moments, buckets)


def _learner(model: Model) -> Linear:
    estimator = model.estimator
    if isinstance(estimator, Scaled | Stepped):
        return cast(Linear, estimator.learner)
    return cast(Linear, estimator)


def _scalers(model: Model) -> list[Scaler]:
    estimator = model.estimator
    if isinstance(estimator, Scaled):
        return [estimator.scaler]
    steps = estimator.chain.matrices if isinstance(estimator, Stepped) else []
    return [step.scaler for step in steps if isinstance(step, Scale)]


def _bins(model: Model) -> list[QuantileBins]:
    estimator = model.estimator
    steps = estimator.chain.matrices if isinstance(estimator, Stepped) else []
    return [step for step in steps if isinstance(step, QuantileBins)]
