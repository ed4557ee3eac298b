"""A model as bytes, and back.

    8 bytes   magic "riverrun"
    2 bytes   format version
    1 byte    seal: 0 SHA-256, 1 HMAC-SHA256
    4 bytes   length of the header
    8 bytes   length of the body
    header    MessagePack
    body      MessagePack for our own learners, pickle for River's
    32 bytes  the seal of everything before it

Integers are big-endian.
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
from learners import arrays
from learners.base import Estimator
from learners.errors import (
    NotASnapshot,
    ParameterError,
    SignatureMissing,
    SignatureWrong,
    SnapshotDamaged,
    SnapshotMismatch,
    SnapshotTruncated,
    SnapshotVersion,
)
from learners.model import Model
from learners.registry import OURS, restore

MAGIC = b"riverrun"
VERSION = 1
_PREFIX = struct.Struct(">8sHBIQ")
_SEAL = 32


@dataclass(frozen=True)
class Header:
    """What a snapshot says about itself.

    Attributes
    ----------
    type, params, scale
        What made the learner.
    body
        "msgpack" or "pickle".
    riverrun, river, python
        The versions that wrote it.
    learned
        Events learned.
    offsets
        The input offsets that it belongs to, by a name of the caller's.
    sha256
        Of the body, in hexadecimal digits.
    drift
        How the learner is watched.
    steps
        What stands before the learner.
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


def dump(model: Model, offsets: Mapping[str, int], key: bytes | None = None) -> bytes:
    """A snapshot of `model`; with a `key` it is signed (HMAC-SHA256).

    Raises NotSnapshotable for an estimator that cannot be pickled.
    """
    kind, body = _body(model)
    header = Header(
        type=model.type,
        params=model.params,
        scale=model.scale,
        body=kind,
        riverrun=learners.__version__,
        river=_river(),
        python=platform.python_version(),
        learned=model.learned,
        offsets=dict(offsets),
        sha256=hashlib.sha256(body).hexdigest(),
        drift=model.drift,
        steps=model.steps,
    )
    packed = arrays.pack(vars(header))
    prefix = _PREFIX.pack(MAGIC, VERSION, key is not None, len(packed), len(body))
    content = b"".join((prefix, packed, body))
    return content + _seal(content, key)


def load(
    data: bytes, *, key: bytes | None = None, allow: Sequence[str] = ()
) -> tuple[Model, Header]:
    """The model and its header.

    Parameters
    ----------
    key
        The one that `dump` was given. With a key, only what it signed is read.
    allow
        Modules, besides River's, whose classes a pickled estimator may name.

    Raises a SnapshotError; nothing of a snapshot is run before its seal is checked, and no
    learner is imported by a name in it.
    """
    body, header = _open(data, key)
    estimator = _ours(header, body) if header.body == "msgpack" else _rivers(header, body, allow)
    model = Model(header.type, header.params, header.scale, estimator, header.drift, header.steps)
    model.learned = header.learned
    return model, header


def read_header(data: bytes) -> Header:
    """The header alone; its seal is checked if it is a plain digest. Raises a SnapshotError."""
    header_length, _, signed = _lengths(data)
    if not signed:
        return _open(data, None)[1]
    return _header(data[_PREFIX.size : _PREFIX.size + header_length])


def require_same(header: Header, model: Model) -> None:
    """Refuse a snapshot of another learner than `model`.

    Raises SnapshotMismatch, which names what differs. A pickled estimator must also come
    from the same version of River, since its classes change between versions.
    """
    pairs = [
        ("type", header.type, model.type),
        ("params", header.params, arrays.unpack(arrays.pack(model.params))),
        ("scale", header.scale, model.scale),
        ("drift", header.drift, arrays.unpack(arrays.pack(model.drift))),
        ("steps", header.steps, arrays.unpack(arrays.pack(model.steps))),
    ]
    if header.body == "pickle":
        pairs.append(("River", header.river, _river()))
    wrong = [f"{name} {old!r} instead of {new!r}" for name, old, new in pairs if old != new]
    if wrong:
        raise SnapshotMismatch(
            f"the saved model has {'; '.join(wrong)}: start under a new pipeline name, with"
            " output topics of its own, or go back to what the model was made with"
        )


def _body(model: Model) -> tuple[str, bytes]:
    if model.type in OURS:
        return "msgpack", arrays.pack(model.estimator.state())
    from learners import pickles

    return "pickle", pickles.dumps(model.estimator.state())


def _ours(header: Header, body: bytes) -> Estimator:
    if header.type not in OURS:
        raise SnapshotMismatch(f"learner {header.type!r} is not known to this version")
    try:
        return _revived(header, arrays.unpack(body))
    except (KeyError, TypeError, ParameterError) as error:
        raise SnapshotMismatch(
            f"learner {header.type!r} of riverrun {header.riverrun} cannot be taken over by"
            f" {learners.__version__}: {type(error).__name__} {error}"
        ) from error


def _rivers(header: Header, body: bytes, allow: Sequence[str]) -> Estimator:
    from learners import pickles

    return _revived(header, pickles.loads(body, allow))


def _revived(header: Header, state: Any) -> Estimator:
    """The estimator that `state` is of. What is not ours is made by no name of the header."""
    return restore(state, header.type, header.params, header.scale, header.drift, header.steps)


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
        return Header(**arrays.unpack(packed))
    except Exception as error:
        raise SnapshotDamaged(f"the header cannot be read: {error}") from error


def _seal(content: bytes, key: bytes | None) -> bytes:
    if key is None:
        return hashlib.sha256(content).digest()
    return hmac.digest(key, content, "sha256")


@functools.cache
def _river() -> str:
    return metadata.version("river")
