from __future__ import annotations

import pickle
import struct
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from learners import errors
from learners.model import Model
from learners.registry import create, from_spec
from learners.saved import arrays, snapshots
from learners.saved.structure.write import dumps
from tests.learners.data import phishing
from tests.learners.forged import downloading, sealed

KEY, OTHER_KEY = b"key", b"another key"


@pytest.fixture
def model() -> Model:
    return learned(create("passive_aggressive", {"C": 0.01}, scale=True))


@pytest.fixture
def forest() -> Model:
    return learned(create("river.forest.ARFClassifier", {"n_models": 2}))


def new(model: Model) -> Model:
    return from_spec(model.spec)


def learned(model: Model) -> Model:
    events = phishing()[:100]
    model.run([x for x, _ in events], [model.check_label(y) for _, y in events])
    return model


@pytest.mark.parametrize("key", [None, KEY])
def test_what_was_dumped_is_loaded(model: Model, forest: Model, key: bytes | None) -> None:
    for one in (model, forest):
        data = snapshots.dump(one, {"events-0": 100}, key)
        again, header = snapshots.load(data, new(one), key=key)
        assert again.fingerprint() == one.fingerprint()
        assert (header.learned, header.offsets) == (100, {"events-0": 100})
        assert snapshots.read_header(data) == header


def test_the_header_says_what_wrote_it(model: Model, forest: Model) -> None:
    header = snapshots.read_header(snapshots.dump(model, {}))
    assert (header.type, header.params, header.scale) == ("passive_aggressive", {"C": 0.01}, True)
    assert (header.body, header.river) == ("msgpack", metadata.version("river"))
    assert header.python.startswith("3.")
    assert snapshots.read_header(snapshots.dump(forest, {})).body == "structure"


def test_the_same_model_gives_the_same_bytes(model: Model) -> None:
    data = snapshots.dump(model, {"a": 1})
    assert snapshots.dump(snapshots.load(data, model)[0], {"a": 1}) == data


def test_every_truncation_is_refused(model: Model) -> None:
    data = snapshots.dump(model, {})
    for length in range(len(data)):
        with pytest.raises(errors.SnapshotTruncated):
            snapshots.load(data[:length], model)


def test_every_flipped_byte_is_refused(model: Model) -> None:
    data = snapshots.dump(model, {})
    for i in range(len(data)):
        with pytest.raises(errors.SnapshotError):
            snapshots.load(data[:i] + bytes([data[i] ^ 0x10]) + data[i + 1 :], model)


def test_every_flipped_byte_of_a_signed_snapshot_is_refused(model: Model) -> None:
    data = snapshots.dump(model, {}, KEY)
    for i in range(len(data)):
        with pytest.raises(errors.SnapshotError):
            snapshots.load(data[:i] + bytes([data[i] ^ 0x01]) + data[i + 1 :], model, key=KEY)


def test_bytes_behind_the_end_are_refused(model: Model) -> None:
    with pytest.raises(errors.SnapshotDamaged):
        snapshots.load(snapshots.dump(model, {}) + b"x", model)


def test_other_bytes_are_no_snapshot(model: Model) -> None:
    with pytest.raises(errors.NotASnapshot):
        snapshots.load(b"\x80\x05 a bare pickle, or whatever else somebody wrote", model)


def test_another_format_version_is_refused_by_its_number(model: Model) -> None:
    data = bytearray(snapshots.dump(model, {}))
    data[8:10] = struct.pack(">H", 7)
    with pytest.raises(errors.SnapshotVersion, match="version 7"):
        snapshots.load(bytes(data), model)


def test_another_key_is_refused(model: Model) -> None:
    with pytest.raises(errors.SignatureWrong):
        snapshots.load(snapshots.dump(model, {}, KEY), model, key=OTHER_KEY)


def test_with_a_key_an_unsigned_snapshot_is_refused(model: Model) -> None:
    with pytest.raises(errors.SignatureMissing, match="not signed"):
        snapshots.load(snapshots.dump(model, {}), model, key=KEY)


def test_a_signed_snapshot_is_not_read_without_its_key(model: Model) -> None:
    with pytest.raises(errors.SignatureMissing, match="no key"):
        snapshots.load(snapshots.dump(model, {}, KEY), model)


def test_a_state_of_another_version_is_refused_by_both_versions(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    old: Any = model.estimator
    state = {key: part for key, part in old.state().items() if key != "learner"}
    monkeypatch.setattr(old, "state", lambda: state)
    with pytest.raises(errors.SnapshotMismatch, match=r"of riverrun .* cannot be taken over by"):
        snapshots.load(snapshots.dump(model, {}), new(model))


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


def test_only_rivers_are_bound_to_the_version_of_river(
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


@pytest.mark.parametrize("kind", ["pickle", "structure", "msgpack"])
@pytest.mark.parametrize("type", ["passive_aggressive", "river.tree.HoeffdingTreeClassifier"])
def test_a_forged_snapshot_writes_no_file(tmp_path: Path, type: str, kind: str) -> None:
    model, file = create(type), tmp_path / "forged"
    data = sealed(model, body=kind, bytes=downloading(file))
    with pytest.raises(errors.SnapshotError):
        snapshots.load(data, model)
    assert not file.exists()


def test_the_header_is_compared_before_the_body_is_looked_at(model: Model, forest: Model) -> None:
    data = sealed(model, type="svm", bytes=b"nothing of the kind")
    with pytest.raises(errors.SnapshotMismatch, match="type 'svm' instead of 'passive_aggressive'"):
        snapshots.load(data, model)
    data = sealed(forest, body="pickle", bytes=b"nothing of the kind")
    with pytest.raises(errors.SnapshotMismatch, match="a body of 'pickle' instead of 'structure'"):
        snapshots.load(data, forest)


def test_the_body_of_another_estimator_is_refused(forest: Model) -> None:
    other = create("river.tree.HoeffdingTreeClassifier")
    body = dumps(other.estimator.state(), other.names)
    with pytest.raises(errors.SnapshotDamaged, match="of another learner"):
        snapshots.load(sealed(forest, bytes=body), new(forest))


def test_pickle_is_read_with_a_key_and_a_list_only() -> None:
    model, allow = create("tests.learners.broken:NeedsPickle"), ["tests.learners"]
    with pytest.raises(errors.SignatureMissing, match="RIVERRUN_SNAPSHOT_KEY"):
        snapshots.dump(model, {})
    model.learn_one({"a": 1.0}, True)
    data = snapshots.dump(model, {}, KEY)
    again, header = snapshots.load(data, new(model), key=KEY, allow=allow)
    assert (header.body, again.estimator.state().n) == ("pickle", 1)
    for others in ([], ["tests.learn"], ["learners"]):
        with pytest.raises(errors.ForbiddenClass, match="NeedsPickle cannot be saved as data"):
            snapshots.load(data, new(model), key=KEY, allow=others)
    unsigned = sealed(create("svm"), **vars(header), bytes=pickle.dumps(model.estimator.state()))
    with pytest.raises(errors.SignatureMissing, match="there is no key"):
        snapshots.load(unsigned, new(model), allow=allow)
