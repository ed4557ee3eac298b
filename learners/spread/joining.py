"""The shares of several learners as one model, and one model as shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from learners import registry
from learners.base import Estimator
from learners.ensembles.members import Ensemble
from learners.model import Model
from learners.multiclass.base import Classes
from learners.scaler import Scaled
from learners.spec import LearnerSpec
from learners.spread.shares import CannotSpread
from learners.stepped import Stepped, SteppedEvents


def joined(spec: LearnerSpec, shares: Sequence[Model]) -> Model:
    """One model with the members of all shares, which answers as the whole ensemble does.

    It is to be asked, and not to learn: with River's ensembles it has the members of the shares
    themselves. Steps and scaler are those of the share that has learned most; where all have
    learned the same rows, they are equal.

    Parameters
    ----------
    spec
        Of all members together.
    shares
        All of them, by their numbers.
    """
    newest = max(shares, key=lambda share: share.learned)
    estimators = [share.estimator for share in shares]
    model = Model(spec, _joined(spec, estimators, newest.estimator))
    if spec.type not in registry.OURS:
        model.read_names(of=newest)
    model.learned = min(share.learned for share in shares)
    model.shares = tuple(share.learned for share in shares)
    return model


def _joined(spec: LearnerSpec, shares: Sequence[Any], newest: Any) -> Estimator:
    if spec.type in registry.OURS:
        whole = registry.new(spec)
        _join_ours(whole, shares, newest)
        return whole
    if not spec.steps:
        return _join_rivers(spec, shares, newest)
    bare = replace(spec, scale=False, steps=())
    learner = _join_rivers(bare, [share.learner for share in shares], newest.learner)
    stepped = registry.stepped(spec, learner)
    assert isinstance(stepped, SteppedEvents)
    stepped.chain.load(newest.chain.state())
    stepped.classes = Classes(newest.classes.names)
    return stepped


def _join_ours(whole: Any, shares: Sequence[Any], newest: Any) -> None:
    if isinstance(whole, Ensemble):
        whole.join(shares, newest)
        return
    if isinstance(whole, Stepped):
        whole.chain.load(newest.chain.state())
    else:
        assert isinstance(whole, Scaled)
        whole.scaler.load(newest.scaler.state())
    _join_ours(whole.learner, [share.learner for share in shares], newest.learner)
    if isinstance(whole, Scaled):
        whole.grow(len(whole.columns))


def _join_rivers(spec: LearnerSpec, shares: Sequence[Any], newest: Any) -> Estimator:
    from learners.river.members import around, members_in, scaler_in

    parts = {k: part for share in shares for k, part in members_in(share).parts.items()}
    return around(spec, parts, scaler_in(newest))


def plain(model: Model) -> Model:
    """The same model as one that was never divided; it goes on learning as such a one.

    What it holds is that of `model`, which is not to be used any more.
    """
    if model.spec.learners == 1:
        return model
    spec = replace(model.spec, learners=1, share=None)
    made = registry.from_spec(spec)
    if spec.type in registry.OURS:
        made.estimator = registry.revive(spec, model.estimator.state())
    else:
        made.estimator = _plain_rivers(spec, made.estimator, model.estimator)
    made.learned = model.learned
    return made


def _plain_rivers(spec: LearnerSpec, made: Any, of: Any) -> Estimator:
    from learners.river.members import ensemble_of

    if isinstance(made, SteppedEvents):
        made.chain.load(of.chain.state())
        made.classes = Classes(of.classes.names)
        learner: Any = made.learner
        made.learner = ensemble_of(of.learner, learner)
        return made
    return ensemble_of(of, made)


def divided(spec: LearnerSpec, model: Model) -> list[Model]:
    """The shares of a model, by the numbers of the learners; they hold copies of its parts.

    Parameters
    ----------
    spec
        Of all members together, with the number of learners.
    model
        One that was never divided.

    Raises CannotSpread for an ensemble of River's: its members have one generator of random
    numbers, which no one of several learners could go on with.
    """
    if spec.type not in registry.OURS:
        what = "has one generator of random numbers for all members: a model of it stays whole"
        raise CannotSpread("learners", spec.learners, f"{spec.type} {what}")
    shares, state = [], model.estimator.state()
    for n in range(spec.learners):
        of_one = replace(spec, share=n)
        share = Model(of_one, registry.revive(of_one, _state_of(state, n, spec.learners)))
        share.learned = model.learned
        shares.append(share)
    return shares


def _state_of(state: Mapping[str, Any], learner: int, learners: int) -> dict[str, Any]:
    if "members" not in state:  # what stands before it is the same for each
        return {**state, "learner": _state_of(state["learner"], learner, learners)}
    own = {key: state[key][learner::learners] for key in ("members", "detectors") if key in state}
    if learner and "replaced" in state:
        own["replaced"] = 0
    return {**state, **own}
