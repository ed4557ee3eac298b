"""Opens a folder by its URL."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from app.files.folder import FilesError, Folder
from app.files.local import LocalFolder
from app.files.remote import open_hdfs, open_s3

NEEDED = 'pip install "fsspec>=2026.4,<2027" "s3fs>=2026.4,<2027" "hdfs-native>=0.14,<0.15"'

_REMOTE: dict[str, Callable[[str, Mapping[str, Any]], Folder]] = {
    "hdfs": open_hdfs,
    "s3": open_s3,
}


def open_folder(url: str, options: Mapping[str, Any] | None = None) -> Folder:
    """A folder of files; it need not exist yet. Nothing is asked of a store here.

    Args:
        url: A path, `file:///path`, `hdfs://host:port/path` or `s3://bucket/path`. Without host
            and port, and without keys, HDFS and S3 take those of their own variables and files
            (`HADOOP_CONF_DIR`, `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, ...).
        options: Of s3fs, or of Hadoop's client.

    Raises:
        FilesError: Another kind of URL, or a package that is missing.
    """
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return LocalFolder(Path(unquote(parts.path)))
    if "://" not in url:
        return LocalFolder(Path(url))
    if parts.scheme not in _REMOTE:
        known = ", ".join(f"{name}://" for name in ("file", *_REMOTE))
        raise FilesError(f"{url}: must be a path, or one of {known}")
    try:
        return _REMOTE[parts.scheme](url, options or {})
    except ImportError as error:
        raise FilesError(f"{url}: needs a package that is missing ({error}): {NEEDED}") from None
    except (TypeError, ValueError) as error:
        raise FilesError(f"{url}: {error}") from error
