"""Writes what changed in a state as records of its topic: a log over a base.

A changelog with its base written anew bit by bit, after Flink's changelog state backend
(FLIP-158); which part of the log is not needed any more follows as in a log-structured store.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agents.entries import HASHES, LARGE, Entries, Part
from agents.state_keys import MANY
from agents.store import Store
from app.worker.state.inventory import Extent, Inventory, Logged
from app.worker.state.layout import (
    PLAIN,
    RECORD,
    Row,
    chunk_key,
    digest_of,
    encode_logged,
    encode_manifest,
    encode_piece,
    large_key,
    log_key,
    piece_key,
)

FLOOR = 1024 * 1024
"""Bytes that the log may have before the base is written at all."""
OVERHEAD = 100
"""Bytes that a record counts for besides its value, so that many small ones do not pile up."""
FINEST = 16
"""Bits of the smallest part: keys that somebody chose may all have one CRC-32."""


class StateLog:
    """Turns changes of a state into records.

    1. What changed since the last commit becomes one record of the log, or as many as 512 KiB
       each take.
    2. While the log has more than ``FLOOR`` bytes, each commit also writes as many bytes of the
       base as of the log: the parts of the keys one after another, round and round.
    3. A record of the log has been covered when a whole round lies behind it: it is deleted.

    So in a round the log grows by what the base has: it is at most as large as the base, and a
    restore reads twice the state, and ``FLOOR``. A part is divided when it grows over 512 KiB,
    and united with its neighbour when both are small.

    Args:
        store: The state, as it is after each change.
        inventory: What the topic has, as it was restored.

    Attributes:
        inventory: What the topic has.
    """

    def __init__(self, store: Store, inventory: Inventory | None = None) -> None:
        self._store = store
        self.inventory = inventory or Inventory()
        self._digests: dict[str, bytes] = {}
        self._bits = max((part.bits for part in self.inventory.pieces), default=0)
        self._log_bytes = sum(logged.size for logged in self.inventory.logs.values())
        self._debt = 0

    def rows(self, changes: Mapping[str, bytes | None]) -> list[Row]:
        """The records that bring ``changes`` to the topic, in the order to write them.

        Args:
            changes: Of the state, which has them already; None marks an entry that is gone.
        """
        rows: list[Row] = []
        entries = changes if isinstance(changes, Entries) else Entries(changes)
        plain = entries.plain
        had = self.inventory.large
        own = [k for k, v in plain.items() if k in had or (v is not None and len(v) > LARGE)]
        # Those that were large and are packed now are looked for only where there are any.
        own += [k for k in had if k.startswith(MANY) and k not in plain and k in entries]
        small = dict(plain)
        for key in own:
            value = entries[key]
            large = value is not None and len(value) > LARGE
            rows += self.large(key, value if large else None)
            if large:
                del small[key]
        entries = Entries(small, entries.packed, entries.patches)
        # 1. the log
        for parcel in entries.parcels(RECORD):
            rows.append(self._logged(parcel))
            self._debt += len(rows[-1][1] or b"") + OVERHEAD
        # 2. the base
        if self._log_bytes <= FLOOR:
            self._debt = min(self._debt, 0)
        while self._debt > 0 and self._log_bytes > FLOOR:
            rows += self._next_piece()
            # 3. what is not needed any more
            rows += self._covered()
        return rows

    def large(self, key: str, value: bytes | None) -> list[Row]:
        """The records of a value that has records of its own; None where it has them no more."""
        before = self.inventory.large.pop(key, 0)
        self._digests.pop(key, None)
        count = 0 if value is None else _chunk_count(value)
        unused: list[Row] = [(chunk_key(key, i).encode(), None) for i in range(count, before)]
        name = large_key(key).encode()
        if value is None:
            return [*unused, (name, None)]
        self.inventory.large[key] = count
        if not count:
            return [*unused, (name, PLAIN + value)]
        digest = self._digests[key] = digest_of(value)
        return [
            *unused,
            *(
                (chunk_key(key, i).encode(), value[i * RECORD : (i + 1) * RECORD])
                for i in range(count)
            ),
            (name, encode_manifest(count, value, digest)),
        ]

    def sha256(self, key: str, value: bytes) -> bytes:
        """Of a value that ``large`` was given last under this key."""
        return self._digests.get(key) or digest_of(value)

    def base(self) -> list[Row]:
        """The whole base: all that there is besides large values, in place of any log."""
        rows: list[Row] = []
        end = self.inventory.swept - self.inventory.swept % HASHES + HASHES
        while self.inventory.swept < end:
            rows += self._next_piece()
        return rows

    @property
    def extent(self) -> Extent:
        """Which records of log and base there are, for the position."""
        return self.inventory.extent

    def _logged(self, entries: Entries) -> Row:
        inventory = self.inventory
        name = log_key(inventory.end)
        value = encode_logged(name, inventory.swept, entries)
        size = len(value) + OVERHEAD
        inventory.logs[inventory.end] = Logged(size, inventory.swept)
        inventory.end += 1
        self._log_bytes += size
        return name.encode(), value

    def _next_piece(self) -> list[Row]:
        """The next part of the base, in place of what it had there before."""
        inventory = self.inventory
        part, value = self._encoded(inventory.swept % HASHES)
        rest: list[Entries] = []
        if len(value) > RECORD:  # it cannot be divided: what does not fit goes to the log
            head, *rest = self._entries(part).parcels(RECORD)
            value = encode_piece(piece_key(part), head)
        rows: list[Row] = [(piece_key(part).encode(), value)]
        for old in inventory.add_piece(part, len(value)):
            rows.append((piece_key(old).encode(), None))
        inventory.swept += part.end - part.first
        self._bits = part.bits
        self._debt -= len(value) + OVERHEAD
        # Behind the piece, and deleted when the part is written again.
        rows += [self._logged(entries) for entries in rest]
        return rows

    def _encoded(self, first: int) -> tuple[Part, bytes]:
        """The part that begins here and fits a record, as large as that allows."""
        widest = 32 - (first & -first).bit_length() + 1 if first else 0
        bits = max(self._bits, widest)
        value = self._piece(Part.at(first, bits))
        while bits > widest and len(value) < RECORD // 4:
            bits -= 1
            value = self._piece(Part.at(first, bits))
        while len(value) > RECORD and bits < FINEST:
            bits += 1
            value = self._piece(Part.at(first, bits))
        return Part.at(first, bits), value

    def _piece(self, part: Part) -> bytes:
        return encode_piece(piece_key(part), self._entries(part))

    def _entries(self, part: Part) -> Entries:
        """Those of a part that have no records of their own."""
        return self._store.packed_part(part, [k for k in self.inventory.large if part.has(k)])

    def _covered(self) -> Iterator[Row]:
        """Take the records of the log away that the base has by now."""
        logs = self.inventory.logs
        while logs:
            number, logged = next(iter(logs.items()))
            if logged.swept + HASHES > self.inventory.swept:
                return
            del logs[number]
            self._log_bytes -= logged.size
            yield log_key(number).encode(), None


def _chunk_count(value: bytes) -> int:
    return 0 if len(value) <= RECORD else -(-len(value) // RECORD)
