"""Folders of files, on this machine, on HDFS and on S3: one interface, `open_folder` opens one."""

from app.files.folder import FileMissing, FilesAway, FilesError, FileThere, Folder
from app.files.opening import open_folder

__all__ = ["FileMissing", "FileThere", "FilesAway", "FilesError", "Folder", "open_folder"]
