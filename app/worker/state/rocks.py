"""Values of a state in RocksDB: as many as the disk holds, of which memory holds a few."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import cast
from zlib import crc32

from rocksdict import (
    BlockBasedOptions,
    Cache,
    DataBlockIndexType,
    DbClosedError,
    DBCompressionType,
    Options,
    Rdict,
    WriteBatch,
    WriteBufferManager,
    WriteOptions,
)

from agents.store import Part

CACHE = 64 << 20
"""Bytes of what was read that stay in memory, all partitions of a worker together."""
UNWRITTEN = 64 << 20
"""Bytes of changes that RocksDB keeps in memory before it writes a file, all together."""
_MEMTABLE = 16 << 20
_HELD = 1000
"""Changes that are held back: most keys change again soon, or go."""
_LARGE = 64 << 10
_HASH = 4
"""Bytes before each key: its CRC-32, by which a state is divided into parts."""


class RocksMemory:
    """The memory that the stores of a process share."""

    def __init__(self, cache: int = CACHE, unwritten: int = UNWRITTEN) -> None:
        self._cache = Cache(cache)
        self._unwritten = WriteBufferManager(unwritten, False)

    def options(self) -> Options:
        """For small values that are read one by one, and that nobody needs after a crash."""
        table = BlockBasedOptions()
        table.set_block_cache(self._cache)
        table.set_bloom_filter(10, False)
        table.set_data_block_index_type(DataBlockIndexType.binary_and_hash())
        options = Options(raw_mode=True)
        options.create_if_missing(True)
        options.set_block_based_table_factory(table)
        options.set_write_buffer_manager(self._unwritten)
        options.set_write_buffer_size(_MEMTABLE)
        options.set_memtable_prefix_bloom_ratio(0.1)
        options.set_memtable_whole_key_filtering(True)
        options.set_compression_type(DBCompressionType.lz4())
        options.set_level_compaction_dynamic_level_bytes(True)
        options.set_keep_log_file_num(1)
        options.set_stats_dump_period_sec(0)
        return options


class RocksStore:
    """A store in a folder of its own.

    Nothing that lies there is ever trusted: the folder begins empty, and goes when the store is
    closed. So RocksDB writes no log ahead.

    Args:
        folder: It must not be there.
        memory: Shared with the other stores.
    """

    def __init__(self, folder: Path, memory: RocksMemory) -> None:
        folder.mkdir(mode=0o700)
        self._folder = folder
        self._db = Rdict(str(folder), memory.options())
        unlogged = WriteOptions()
        unlogged.disable_wal = True  # type: ignore[method-assign, assignment]  # the stub errs
        self._db.set_write_options(unlogged)
        self._held: dict[str, bytes | None] = {}

    def get(self, key: str, /) -> bytes | None:
        if key in self._held:
            return self._held[key]
        return cast("bytes | None", self._db.get(_placed(key)))

    def __setitem__(self, key: str, value: bytes, /) -> None:
        self._held[key] = value
        if len(self._held) >= _HELD or len(value) > _LARGE:
            self._write()

    def pop(self, key: str, default: None, /) -> bytes | None:
        value = self.get(key)
        if value is None:
            return default
        self._held[key] = None
        if len(self._held) >= _HELD:
            self._write()
        return value

    def beginning(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        return (item for item in self._from(Part(0, 0)) if item[0].startswith(prefix))

    def part(self, part: Part) -> Mapping[str, bytes]:
        return dict(self._from(part))

    def replace(self, part: Part, entries: Mapping[str, bytes]) -> None:
        for key in [key for key, _ in self._from(part) if key not in entries]:
            self.pop(key, None)
        for key, value in entries.items():
            self[key] = value

    def __iter__(self) -> Iterator[str]:
        return (key for key, _ in self.beginning(""))

    def __len__(self) -> int:
        """All keys are counted: RocksDB only has an estimate."""
        return sum(1 for _ in self)

    def close(self) -> None:
        """Remove the folder too; a second time nothing happens."""
        self._held = {}
        try:
            with suppress(DbClosedError):
                self._db.close()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _from(self, part: Part) -> Iterator[tuple[str, bytes]]:
        """The entries of a part."""
        self._write()
        first = part.first.to_bytes(_HASH, "big")
        for key, value in self._db.items(from_key=first):
            assert isinstance(key, bytes)
            if int.from_bytes(key[:_HASH], "big") >= part.end:
                return
            yield key[_HASH:].decode(), value

    def _write(self) -> None:
        if not self._held:
            return
        batch = WriteBatch(raw_mode=True)
        for key, value in self._held.items():
            if value is None:
                batch.delete(_placed(key))
            else:
                batch.put(_placed(key), value)
        self._db.write(batch)
        self._held = {}


def _placed(key: str) -> bytes:
    """A key behind its CRC-32."""
    plain = key.encode()
    return crc32(plain).to_bytes(_HASH, "big") + plain
