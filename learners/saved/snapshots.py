"""A model as bytes, and back.

    8 bytes   magic "riverrun"
    2 bytes   format version
    1 byte    seal: 0 SHA-256, 1 HMAC-SHA256
    4 bytes   length of the header
    8 bytes   length of the body
    header    MessagePack
    body      MessagePack: the state of our own learners, the structure of River's
    32 bytes  the seal of everything before it

Integers are big-endian. What the body is follows from the learner that is expected, never from
the file: "msgpack" for our own, "structure" for River's, "pickle" for a class of the user's that
cannot say its state as data, and then only with a key.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import learners
from learners.base import Estimator
from learners.errors import (
    NotASnapshot,
    SignatureMissing,
    SignatureWrong,
    SnapshotDamaged,
    SnapshotError,
    SnapshotMismatch,
    SnapshotTruncated,
    SnapshotVersion,
)
from learners.model import Model
from learners.registry import OURS, restore
from learners.saved import arrays, pickled
from learners.spec import LearnerSpec

MAGIC = b"riverrun"
VERSION = 2
_PREFIX = struct.Struct(">8sHBIQ")
_SEAL = 32


@dataclass(frozen=True)
class Header:
    """What a snapshot says about itself.

    Attributes
    ----------
    type, params, scale, drift, steps, rule, learners, share
        What made the learner; see LearnerSpec.
    body
        "msgpack", "structure" or "pickle".
    riverrun, river, python
        The versions that wrote it.
    learned
        Events learned.
    offsets
        The input offsets that it belongs to, by a name of the caller's.
    sha256
        Of the body, in hexadecimal digits.
    """

    type: str
    params: dict[str, Any]
    scale: bool
    body: str
    riverrun: str
    river: str
    python: str
    learned: int
    offsets: dict[str, int]
    sha256: str
    drift: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    rule: dict[str, Any] = field(default_factory=dict)
    learners: int = 1
    share: int | None = None

    def tables(self) -> dict[str, Any]:
        """As it is written: a learner that was never divided says nothing of that."""
        left_out = ("learners", "share") if self.learners == 1 else ()
        return {key: value for key, value in vars(self).items() if key not in left_out}

    @property
    def spec(self) -> LearnerSpec:
        """What made the learner."""
        made_of = self.type, self.params, self.scale, self.drift or None, self.steps
        return LearnerSpec(*made_of, self.rule or None, self.learners, self.share)


def dump(model: Model, offsets: Mapping[str, int], key: bytes | None = None) -> bytes:
    """A snapshot of `model`; with a `key` it is signed (HMAC-SHA256).

    Raises NotSnapshotable for an estimator with a part that cannot be written, SignatureMissing
    for one that needs a key.
    """
    kind = _kind(model)
    body = _body(model, kind, key)
    header = Header(
        **model.spec.tables(),
        body=kind,
        riverrun=learners.__version__,
        river=_river(),
        python=platform.python_version(),
        learned=model.learned,
        offsets=dict(offsets),
        sha256=hashlib.sha256(body).hexdigest(),
    )
    packed = arrays.pack(header.tables())
    prefix = _PREFIX.pack(MAGIC, VERSION, key is not None, len(packed), len(body))
    content = b"".join((prefix, packed, body))
    return content + _seal(content, key)


def load(
    data: bytes, expected: Model, *, key: bytes | None = None, allow: Sequence[str] = ()
) -> tuple[Model, Header]:
    """The model and its header.

    Parameters
    ----------
    expected
        A new model as the pipeline makes it; the snapshot must be of one like it. It stays
        as it is.
    key
        The one that `dump` was given. With a key, only what it signed is read.
    allow
        Modules of the user's whose classes may be pickled.

    Raises a SnapshotError. The header is compared before the body is looked at, and nothing
    that a snapshot names is imported or called.
    """
    body, header = _open(data, key)
    require_same(header, expected)
    estimator = _revived(header, _state(body, expected, key, allow))
    if type(_wrapped(estimator)) is not type(_wrapped(expected.estimator)):
        raise SnapshotDamaged(f"the body is of another learner than {header.type!r}")
    again = Model(header.spec, estimator)
    again.learned = header.learned
    if header.body != "msgpack":
        again.read_names(of=expected)
    return again, header


def read_header(data: bytes) -> Header:
    """The header alone; its seal is checked if it is a plain digest. Raises a SnapshotError."""
    header_length, _, signed = _lengths(data)
    if not signed:
        return _open(data, None)[1]
    return _header(data[_PREFIX.size : _PREFIX.size + header_length])


def require_same(header: Header, model: Model) -> None:
    """Refuse a snapshot of another learner than `model`.

    Raises SnapshotMismatch, which names what differs. What is not our own must also come from
    the same version of River, since its classes change between versions.
    """
    made_of = {"rule": {}, **arrays.unpack(arrays.pack(model.spec.tables()))}
    pairs = [(key, getattr(header, key), value) for key, value in made_of.items()]
    if "learners" not in made_of:
        pairs += [("learners", header.learners, 1), ("share", header.share, None)]
    pairs.append(("a body of", header.body, _kind(model)))
    if _kind(model) != "msgpack":
        pairs.append(("River", header.river, _river()))
    wrong = [f"{name} {old!r} instead of {new!r}" for name, old, new in pairs if old != new]
    if wrong:
        raise SnapshotMismatch(
            f"the saved model has {'; '.join(wrong)}: start under a new pipeline name, with"
            " output topics of its own, or go back to what the model was made with"
        )


def _kind(model: Model) -> str:
    if model.type in OURS:
        return "msgpack"
    return "pickle" if model.names.foreign else "structure"


def _body(model: Model, kind: str, key: bytes | None) -> bytes:
    state = model.estimator.state()
    if kind == "msgpack":
        return arrays.pack(state)
    if kind == "pickle":
        return pickled.dumps(state, key)
    from learners.saved.structure.write import dumps  # with River, which takes a second to import

    return dumps(state, model.names)


def _state(body: bytes, expected: Model, key: bytes | None, allow: Sequence[str]) -> Any:
    kind = _kind(expected)
    if kind == "msgpack":
        return arrays.unpack(body)
    if kind == "pickle":
        pickled.require_allowed(expected.names.foreign, allow)
        return pickled.loads(body, key)
    from learners.saved.structure.read import loads

    return loads(body, expected.names)


def _revived(header: Header, state: Any) -> Estimator:
    """The estimator that `state` is of."""
    try:
        return restore(header.spec, state)
    except SnapshotError:
        raise
    except Exception as error:
        raise SnapshotMismatch(
            f"learner {header.type!r} of riverrun {header.riverrun} cannot be taken over by"
            f" {learners.__version__}: {type(error).__name__} {error}"
        ) from error


def _wrapped(estimator: Any) -> Any:
    """What is behind drift detectors, steps and the adapter for River."""
    while hasattr(estimator, "learner"):
        estimator = estimator.learner
    return getattr(estimator, "wrapped", estimator)


def _open(data: bytes, key: bytes | None) -> tuple[bytes, Header]:
    """Body and header, once the seal is found to be good."""
    header_length, body_length, signed = _lengths(data)
    if key is not None and not signed:
        raise SignatureMissing("the snapshot is not signed, and a key is configured")
    if key is None and signed:
        raise SignatureMissing("the snapshot is signed, and no key is configured")
    content, seal = data[:-_SEAL], data[-_SEAL:]
    if not hmac.compare_digest(seal, _seal(content, key)):
        if signed:
            raise SignatureWrong("the snapshot was signed with another key, or was changed")
        raise SnapshotDamaged("the digest does not match: the snapshot was changed")
    header = _header(content[_PREFIX.size : _PREFIX.size + header_length])
    body = content[len(content) - body_length :]
    if hashlib.sha256(body).hexdigest() != header.sha256:
        raise SnapshotDamaged("the digest of the body does not match")
    return body, header


def _lengths(data: bytes) -> tuple[int, int, bool]:
    """Lengths of header and body, and whether it is signed."""
    if data[: len(MAGIC)] != MAGIC[: len(data)]:
        raise NotASnapshot("does not begin as a snapshot of riverrun")
    if len(data) < _PREFIX.size:
        raise SnapshotTruncated(f"{len(data)} bytes are less than the fixed part")
    _, version, seal, header_length, body_length = _PREFIX.unpack_from(data)
    if version != VERSION:
        raise SnapshotVersion(f"format version {version}; this version reads {VERSION}")
    whole = _PREFIX.size + header_length + body_length + _SEAL
    if len(data) < whole:
        raise SnapshotTruncated(f"{len(data)} bytes of {whole}")
    if len(data) > whole or seal > 1:
        raise SnapshotDamaged(f"{len(data)} bytes instead of {whole}")
    return header_length, body_length, bool(seal)


def _header(packed: bytes) -> Header:
    try:
        header = Header(**arrays.unpack(packed))
    except Exception as error:
        raise SnapshotDamaged(f"the header cannot be read: {error}") from error
    if type(header.learned) is not int or header.learned < 0 or type(header.offsets) is not dict:
        raise SnapshotDamaged("the header cannot be read: it counts no events")
    return header


def _seal(content: bytes, key: bytes | None) -> bytes:
    if key is None:
        return hashlib.sha256(content).digest()
    return hmac.digest(key, content, "sha256")


@functools.cache
def _river() -> str:
    return metadata.version("river")
