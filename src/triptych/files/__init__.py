"""Reading and writing files so that a kill at any moment leaves either the old state or the new one, and so that
damage is noticed."""

from triptych.files.checksums import check_sums, file_sum, folder_sums, seal, seal_holds
from triptych.files.documents import (
    SUM,
    check_seal,
    read_json,
    read_object,
    read_or_make,
    write_json,
    write_sealed_json,
)
from triptych.files.fields import dataclass_of, field_of
from triptych.files.formats import Format
from triptych.files.locking import lock
from triptych.files.logs import LOG_FILE, read_log
from triptych.files.paths import folder_name, is_clutter, is_file, is_folder, is_vacant, name_of_folder
from triptych.files.reading import read_bytes
from triptych.files.tensors import read_tensors, write_sealed_tensors
from triptych.files.writing import atomic_directory, sweep, write_atomically, write_text

__all__ = [
    "LOG_FILE",
    "SUM",
    "Format",
    "atomic_directory",
    "check_seal",
    "check_sums",
    "dataclass_of",
    "field_of",
    "file_sum",
    "folder_name",
    "folder_sums",
    "is_clutter",
    "is_file",
    "is_folder",
    "is_vacant",
    "lock",
    "name_of_folder",
    "read_bytes",
    "read_json",
    "read_log",
    "read_object",
    "read_or_make",
    "read_tensors",
    "seal",
    "seal_holds",
    "sweep",
    "write_atomically",
    "write_json",
    "write_sealed_json",
    "write_sealed_tensors",
    "write_text",
]
