from .archives import unpack_zip
from .checksums import check_sums, file_sum, folder_sums, seal, seal_holds
from .documents import SUM, check_seal, read_json, read_object, read_or_make, write_json, write_sealed_json
from .fields import KIND, UnionPart, as_fields, dataclass_of, field_of, unions_of
from .formats import Format
from .gathering import gather, is_too_large
from .locking import can_be_locked, lock, made_with_locks
from .logs import LOG_FILE, read_log
from .paths import folder_name, is_clutter, is_file, is_folder, is_vacant, leaves_folder, name_of_folder, names_in
from .reading import read_bytes
from .tensor_stream import Rows, take_parts, write_sealed_tensors
from .tensors import read_tensors
from .writing import atomic_directory, copy_folder, flush_to_disk, sweep, temporary_folder, write_atomically, write_text

__all__ = [
    "KIND",
    "LOG_FILE",
    "SUM",
    "Format",
    "Rows",
    "UnionPart",
    "as_fields",
    "atomic_directory",
    "can_be_locked",
    "check_seal",
    "check_sums",
    "copy_folder",
    "dataclass_of",
    "field_of",
    "file_sum",
    "flush_to_disk",
    "folder_name",
    "folder_sums",
    "gather",
    "is_clutter",
    "is_file",
    "is_folder",
    "is_too_large",
    "is_vacant",
    "leaves_folder",
    "lock",
    "made_with_locks",
    "name_of_folder",
    "names_in",
    "read_bytes",
    "read_json",
    "read_log",
    "read_object",
    "read_or_make",
    "read_tensors",
    "seal",
    "seal_holds",
    "sweep",
    "take_parts",
    "temporary_folder",
    "unions_of",
    "unpack_zip",
    "write_atomically",
    "write_json",
    "write_sealed_json",
    "write_sealed_tensors",
    "write_text",
]
