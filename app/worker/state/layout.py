"""The format of a state topic: its keys, and what the values are.

The topic is compacted. Partition n holds the state of partition n of the inputs:

=================  ===============================================================================
key                value
=================  ===============================================================================
``position``       ``v``, and where the state stands; the last record of each transaction
``model``          a large value: the snapshot of the model
``large/KEY``      a large value: that of an entry which has more than 64 KiB
``log/N``          ``l``: how the other entries changed in a transaction; N counts up
``base/B/P``       ``b``: all other entries whose key's CRC-32 begins with the B bits of P
=================  ===============================================================================

A large value of up to 512 KiB is one record, ``v`` and the value. A larger one is cut into
chunks, records with the key of the value, a zero byte and a number; its own record is then ``m``
and a manifest: how many chunks, how many bytes, and the SHA-256, as MessagePack.

After ``l`` and ``b`` come four bytes, the CRC-32 of the key of the record and of what follows,
and that is MessagePack: of ``l`` a list of how far the base had been written, a map of entries,
where nil marks one that is gone, and a map of patches; of ``b`` a map of entries. A patch changes
the value of an entry of at most 64 KiB, which has the same length before and after: it is made of
steps of 10 bytes, a place in the value as two bytes, little-endian, and the 8 bytes that stand
there now.

To read a state, the records are applied in the order of their offsets: a record of the base puts
its entries in the place of all that its part of the keys had, those of the log and large values
put entries one by one, and patches change them where they are there and long enough. So whatever
a later record of the base covers may be there or not.
"""

from __future__ import annotations

import hashlib
from zlib import crc32

import msgpack
import msgspec

from agents.entries import Entries, Part

LAYOUT = 4
"""Of all records. In the first two each entry was a record, and its key that of the record; in
the third there were no patches."""
MODEL = "model"
POSITION = "position"
SEPARATOR = "\x00"
"""Between the key of a large value and the number of a chunk."""
RECORD = 512 * 1024
"""Bytes of one record at the most, but for one entry and the key."""

_LOG, _BASE, _LARGE = "log/", "base/", "large/"
LOGGED, PIECE, PLAIN, MANIFEST = b"l", b"b", b"v", b"m"

Row = tuple[bytes, bytes | None]

_encode = msgspec.msgpack.Encoder().encode
_decode_logged = msgspec.msgpack.Decoder(
    tuple[int, dict[str, bytes | None], dict[str, bytes]]
).decode
_decode_piece = msgspec.msgpack.Decoder(dict[str, bytes]).decode


class Broken(Exception):
    """A record is not what was written."""


def log_key(number: int) -> str:
    """The key of a record of the log."""
    return f"{_LOG}{number}"


def log_number(name: str) -> int | None:
    """The number of a record of the log; None of another record."""
    number = name[len(_LOG) :]
    return int(number) if name.startswith(_LOG) and number.isdecimal() else None


def piece_key(part: Part) -> str:
    """The key of a record of the base."""
    return f"{_BASE}{part.bits}/{part.prefix}"


def piece_part(name: str) -> Part | None:
    """What a record of the base covers; None of another record."""
    if not name.startswith(_BASE):
        return None
    bits, _, prefix = name[len(_BASE) :].partition("/")
    if not (bits.isdecimal() and prefix.isdecimal() and int(bits) <= 32):
        return None
    return Part(int(bits), int(prefix)) if int(prefix) < 1 << int(bits) else None


def large_key(key: str) -> str:
    """The key of the record of a large value."""
    return key if key in (MODEL, POSITION) else _LARGE + key


def large_of(name: str) -> str | None:
    """The key of the entry of a large value; None of another record."""
    if name in (MODEL, POSITION):
        return name
    return name[len(_LARGE) :] if name.startswith(_LARGE) else None


def chunk_key(key: str, number: int) -> str:
    """The key of a chunk of a large value."""
    return f"{large_key(key)}{SEPARATOR}{number}"


def encode_logged(name: str, swept: int, entries: Entries) -> bytes:
    """A record of the log.

    Args:
        name: Its key.
        swept: See ``Inventory``.
        entries: What changed.
    """
    return _sealed(
        LOGGED, name, b"\x93" + _encode(swept) + entries.encode() + entries.encode_patches()
    )


def decode_logged(name: str, value: bytes) -> tuple[int, dict[str, bytes | None], dict[str, bytes]]:
    """What ``encode_logged`` was given; patches by themselves.

    Raises:
        Broken: when the record is not what was written.
    """
    try:
        return _decode_logged(_opened(LOGGED, name, value))
    except msgspec.MsgspecError as error:
        raise Broken(f"it cannot be read ({error})") from error


def encode_piece(name: str, entries: Entries) -> bytes:
    """A record of the base."""
    return _sealed(PIECE, name, entries.encode())


def decode_piece(name: str, value: bytes) -> dict[str, bytes]:
    """What ``encode_piece`` was given.

    Raises:
        Broken: when the record is not what was written.
    """
    try:
        return _decode_piece(_opened(PIECE, name, value))
    except msgspec.MsgspecError as error:
        raise Broken(f"it cannot be read ({error})") from error


def encode_manifest(count: int, value: bytes, digest: bytes) -> bytes:
    """The record of a value that was cut into chunks."""
    manifest: bytes = msgpack.packb({"chunks": count, "size": len(value), "sha256": digest})
    return MANIFEST + manifest


def decode_manifest(value: bytes) -> tuple[int, int, bytes]:
    """How many chunks, how many bytes, and the SHA-256.

    Raises:
        Broken: when it is no manifest.
    """
    if value[:1] != MANIFEST:
        raise Broken(f"a record of unknown kind {value[:1]!r}")
    try:
        said = msgpack.unpackb(value[1:])
        return int(said["chunks"]), int(said["size"]), bytes(said["sha256"])
    except Exception as error:
        raise Broken(f"its manifest cannot be read ({type(error).__name__})") from error


def digest_of(value: bytes) -> bytes:
    """The SHA-256 of a value."""
    return hashlib.sha256(value).digest()


def _sealed(kind: bytes, name: str, body: bytes) -> bytes:
    return b"%b%b%b" % (kind, crc32(body, crc32(name.encode())).to_bytes(4, "big"), body)


def _opened(kind: bytes, name: str, value: bytes) -> memoryview:
    if value[:1] != kind:
        raise Broken(f"a record of unknown kind {value[:1]!r}")
    body = memoryview(value)[5:]
    if crc32(body, crc32(name.encode())) != int.from_bytes(value[1:5], "big"):
        raise Broken("it does not have the checksum that it names")
    return body
