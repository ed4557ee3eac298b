from __future__ import annotations

import struct
from importlib import metadata
from typing import Any

import numpy as np
import pytest

from learners import arrays, errors, registry, snapshots
from learners.model import Model
from learners.registry import create
from tests.learners.data import phishing

KEY, OTHER_KEY = b"key", b"another key"


@pytest.fixture
def model() -> Model:
    return learned(create("passive_aggressive", {"C": 0.01}, scale=True))


@pytest.fixture
def forest() -> Model:
    return learned(create("river.forest.ARFClassifier", {"n_models": 2}))


def learned(model: Model) -> Model:
    events = phishing()[:100]
    model.run([x for x, _ in events], [model.check_label(y) for _, y in events])
    return model


@pytest.mark.parametrize("key", [None, KEY])
def test_what_was_dumped_is_loaded(model: Model, forest: Model, key: bytes | None) -> None:
    for one in (model, forest):
        data = snapshots.dump(one, {"events-0": 100}, key)
        again, header = snapshots.load(data, key=key)
        assert again.fingerprint() == one.fingerprint()
        assert (header.learned, header.offsets) == (100, {"events-0": 100})
        assert snapshots.read_header(data) == header


def test_the_header_says_what_wrote_it(model: Model, forest: Model) -> None:
    header = snapshots.read_header(snapshots.dump(model, {}))
    assert (header.type, header.params, header.scale) == ("passive_aggressive", {"C": 0.01}, True)
    assert (header.body, header.river) == ("msgpack", metadata.version("river"))
    assert header.python.startswith("3.")
    assert snapshots.read_header(snapshots.dump(forest, {})).body == "pickle"


def test_the_same_model_gives_the_same_bytes(model: Model) -> None:
    data = snapshots.dump(model, {"a": 1})
    assert snapshots.dump(snapshots.load(data)[0], {"a": 1}) == data


def test_every_truncation_is_refused(model: Model) -> None:
    data = snapshots.dump(model, {})
    for length in range(len(data)):
        with pytest.raises(errors.SnapshotTruncated):
            snapshots.load(data[:length])


def test_every_flipped_byte_is_refused(model: Model) -> None:
    data = snapshots.dump(model, {})
    for i in range(len(data)):
        with pytest.raises(errors.SnapshotError):
            snapshots.load(data[:i] + bytes([data[i] ^ 0x10]) + data[i + 1 :])


def test_every_flipped_byte_of_a_signed_snapshot_is_refused(model: Model) -> None:
    data = snapshots.dump(model, {}, KEY)
    for i in range(len(data)):
        with pytest.raises(errors.SnapshotError):
            snapshots.load(data[:i] + bytes([data[i] ^ 0x01]) + data[i + 1 :], key=KEY)


def test_bytes_behind_the_end_are_refused(model: Model) -> None:
    with pytest.raises(errors.SnapshotDamaged):
        snapshots.load(snapshots.dump(model, {}) + b"x")


def test_other_bytes_are_no_snapshot() -> None:
    with pytest.raises(errors.NotASnapshot):
        snapshots.load(b"\x80\x05 a bare pickle, or whatever else somebody wrote there")


def test_another_format_version_is_refused_by_its_number(model: Model) -> None:
    data = bytearray(snapshots.dump(model, {}))
    data[8:10] = struct.pack(">H", 7)
    with pytest.raises(errors.SnapshotVersion, match="version 7"):
        snapshots.load(bytes(data))


def test_another_key_is_refused(model: Model) -> None:
    with pytest.raises(errors.SignatureWrong):
        snapshots.load(snapshots.dump(model, {}, KEY), key=OTHER_KEY)


def test_with_a_key_an_unsigned_snapshot_is_refused(model: Model) -> None:
    with pytest.raises(errors.SignatureMissing, match="not signed"):
        snapshots.load(snapshots.dump(model, {}), key=KEY)


def test_a_signed_snapshot_is_not_read_without_its_key(model: Model) -> None:
    with pytest.raises(errors.SignatureMissing, match="no key"):
        snapshots.load(snapshots.dump(model, {}, KEY))


def test_a_learner_is_never_imported_by_a_name_in_a_snapshot(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.type = "os:system"
    monkeypatch.setitem(registry.OURS, "os:system", None)  # so that it is written
    data = snapshots.dump(model, {})
    monkeypatch.delitem(registry.OURS, "os:system")
    with pytest.raises(errors.SnapshotMismatch, match="os:system"):
        snapshots.load(data)


@pytest.mark.parametrize("params", [{"C": 0.01, "gone": 1}, {"C": 0.01}])
def test_a_state_of_another_version_is_refused_by_both_versions(
    model: Model, params: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    old: Any = model.estimator
    state = {key: part for key, part in old.state().items() if key != "learner"}
    monkeypatch.setattr(old, "state", lambda: state)
    model.params = params
    with pytest.raises(errors.SnapshotMismatch, match=r"of riverrun .* cannot be taken over by"):
        snapshots.load(snapshots.dump(model, {}))


@pytest.mark.parametrize(
    ("type", "params", "scale", "named"),
    [
        ("svm", {}, True, "type 'passive_aggressive' instead of 'svm'"),
        ("passive_aggressive", {"C": 0.1}, True, "params {'C': 0.01} instead of {'C': 0.1}"),
        ("passive_aggressive", {"C": 0.01}, False, "scale True instead of False"),
    ],
)
def test_a_snapshot_of_another_learner_is_refused_by_what_differs(
    model: Model, type: str, params: dict[str, Any], scale: bool, named: str
) -> None:
    header = snapshots.read_header(snapshots.dump(model, {}))
    with pytest.raises(errors.SnapshotMismatch, match=named):
        snapshots.require_same(header, create(type, params, scale))
    snapshots.require_same(header, create("passive_aggressive", {"C": 0.01}, scale=True))


def test_only_a_pickle_is_bound_to_the_version_of_river(
    model: Model, forest: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = (snapshots.read_header(snapshots.dump(m, {})) for m in (model, forest))
    monkeypatch.setattr(snapshots, "_river", lambda: "9.9")
    snapshots.require_same(ours, model)
    with pytest.raises(errors.SnapshotMismatch, match=r"River .* instead of .9.9."):
        snapshots.require_same(theirs, forest)


def test_parameters_with_lists_and_tables_are_the_same_after_a_snapshot() -> None:
    params = {"optimizer": {"type": "river.optim.Adam", "lr": 0.1}}
    model = create("river.linear_model.LogisticRegression", params)
    header = snapshots.read_header(snapshots.dump(model, {}))
    snapshots.require_same(header, create("river.linear_model.LogisticRegression", params))


def test_arrays_keep_shape_kind_and_bits() -> None:
    value = {
        "a": np.array([[1.0, -0.0], [np.nan, 5e-324]]),
        "b": np.arange(3),
        "c": np.empty((0, 2)),
    }
    again = arrays.unpack(arrays.pack(value))
    for name, array in value.items():
        assert again[name].tobytes() == array.tobytes()
        assert (again[name].shape, again[name].dtype) == (array.shape, array.dtype)
        again[name][...] = 0  # and can be written to


def test_what_is_no_data_is_not_packed() -> None:
    with pytest.raises(errors.NotSnapshotable, match="object"):
        arrays.pack({"a": object()})
