"""The records of a metrics topic: how good a pipeline was in a window of event time."""

from __future__ import annotations

import msgspec


class CalibrationBin(msgspec.Struct, frozen=True, gc=False):
    """The events of about the same probability: mean score, share of positives, how many."""

    score: float
    share: float
    count: int


class BaselineMetrics(msgspec.Struct, frozen=True, gc=False):
    """How good the scores of the model, or of a rival, were; null where it is not defined.

    Attributes:
        scored: Labelled events that it gave a score, or a class.
        roc_auc, average_precision, log_loss: Over transactions.
        precision_at_k, recall_at_k: Of the k transactions with the highest scores.
        card_precision_at_k: The share of positive entities in k places, filled by the highest
            scores; entities caught in an earlier window are left out.
        calibration_error: Expected calibration error, over `calibration`.
        calibration: Ten parts of [0, 1], those without events left out.
        saved, lost: Money of those who look at these k entities.
        accuracy, macro_f1: Of several classes.
        kappa, kappa_temporal: Of several classes: accuracy over that of chance, and over that of
            repeating the label of the event before.
        mae, rmse: Of numbers.
    """

    scored: int
    roc_auc: float | None = None
    average_precision: float | None = None
    log_loss: float | None = None
    precision_at_k: float | None = None
    recall_at_k: float | None = None
    card_precision_at_k: float | None = None
    calibration_error: float | None = None
    calibration: tuple[CalibrationBin, ...] | None = None
    saved: float | None = None
    lost: float | None = None
    accuracy: float | None = None
    macro_f1: float | None = None
    mae: float | None = None
    rmse: float | None = None
    kappa: float | None = None
    kappa_temporal: float | None = None


class AlertMetrics(msgspec.Struct, frozen=True, gc=False):
    """How good the alerts were, over the labelled events; money if every alert is looked at."""

    labelled: int
    precision: float | None = None
    recall: float | None = None
    saved: float | None = None
    lost: float | None = None


class WindowMetrics(msgspec.Struct, frozen=True, gc=False):
    """How good a pipeline was in one window of one partition.

    A later record of the same window takes the place of an earlier one.

    Attributes:
        start, end: Of the window, in milliseconds since 1970; the end is not in it.
        partition: Of the events.
        final: Every event has its label, or will get none. Else: what is known so far.
        time: Of the stream when this was written, in milliseconds since 1970.
        k: The places that were given, in this partition.
        events: Predicted in the window.
        labelled: Those whose label is known; all metrics are over these.
        positives: Labels that are true; null where labels are no bools.
        alerts: Events that were alerts, labelled or not.
        model, frozen, rule: The model, as it was at the start of the window, and the hand rule;
            null where it scored nothing.
        decided: The alerts; null where nothing is decided.
        last_label, so_far: No model at all: the label of the event before as the score; the
            share of positives, the most frequent class or the mean of the window so far.
    """

    start: int
    end: int
    partition: int
    final: bool
    time: int
    k: int
    events: int
    labelled: int
    positives: int | None
    alerts: int
    model: BaselineMetrics | None = None
    frozen: BaselineMetrics | None = None
    rule: BaselineMetrics | None = None
    decided: AlertMetrics | None = None
    last_label: BaselineMetrics | None = None
    so_far: BaselineMetrics | None = None

    @property
    def key(self) -> bytes:
        """Of the record: the window's start and the partition."""
        return f"{self.start}/{self.partition}".encode()
