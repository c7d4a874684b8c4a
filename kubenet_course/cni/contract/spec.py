"""The words of the CNI contract: versions, error codes, and the names that a call may carry.

Real system: `containernetworking/cni`, SPEC.md at 1.1.0 (sections 2 and 5), `pkg/version` and `pkg/utils`.
"""

import re
from enum import IntEnum

VERSIONS = ("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0")
CURRENT = VERSIONS[-1]
OLDEST = VERSIONS[0]
IFNAME_LIMIT = 15  # bytes: the kernel keeps 16 for a device name, one of them a zero

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.\-]*")
_NUMBER = re.compile(r"[+-]?[0-9]+")
_ESCAPED = {'"': r"\"", "\\": r"\\", "\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
_ESCAPED |= {"\v": r"\v"}


class Code(IntEnum):
    """SPEC.md, well-known error codes; 100 and above belong to the plugin, and the reference plugins use one: 999."""

    UNKNOWN = 0  # not of the contract: a plugin that ended without a word
    INCOMPATIBLE_VERSION = 1
    UNSUPPORTED_FIELD = 2
    UNKNOWN_CONTAINER = 3
    INVALID_ENVIRONMENT = 4
    IO_FAILURE = 5
    DECODING_FAILURE = 6
    INVALID_CONFIG = 7
    INVALID_NETNS = 8
    TRY_AGAIN_LATER = 11
    PLUGIN_NOT_AVAILABLE = 50
    LIMITED_CONNECTIVITY = 51
    INTERNAL = 999


class CniError(Exception):
    """What a plugin answers when it could not: a code, one sentence, and what to do about it (DEV-17)."""

    def __init__(self, code: int, msg: str, details: str = ""):
        super().__init__(code, msg, details)
        self.code, self.msg, self.details = int(code), msg, details

    def __str__(self) -> str:
        return f"{self.msg}; {self.details}" if self.details else self.msg

    def as_json(self) -> dict[str, int | str]:
        """The error object of SPEC.md section 5, without the version that only results carry."""
        answer: dict[str, int | str] = {"code": self.code, "msg": self.msg}
        return answer | {"details": self.details} if self.details else answer


def refused(msg: str, details: str = "") -> CniError:
    """The plugin's own failure: everything that has no code of its own is 999."""
    return CniError(Code.INTERNAL, msg, details)


def quoted(text: str) -> str:
    """Text in double quotes, as the reference prints it in messages (Go's `%q`)."""
    return '"' + "".join(_quoted(letter) for letter in text) + '"'


def _quoted(letter: str) -> str:
    if letter in _ESCAPED or letter.isprintable():
        return _ESCAPED.get(letter, letter)
    number = ord(letter)
    if 0xDC80 <= number <= 0xDCFF:  # a byte that is no UTF-8, as Python keeps it
        number -= 0xDC00
    elif number > 0x7F:
        return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"
    return f"\\x{number:02x}"


def quoted_list(texts: tuple[str, ...] | list[str]) -> str:
    """`["a" "b"]`: a list as the reference prints it in messages."""
    return "[" + " ".join(quoted(text) for text in texts) + "]"


def numbers_of(version: str) -> tuple[int, int, int]:
    """A version as three numbers; parts that are missing count as zero.

    Raises ValueError with the reference's sentence when a part is no number or there are more than three.
    """
    if not version:
        raise ValueError('invalid version "": the version is empty')
    parts = version.split(".")
    if len(parts) > 3:
        raise ValueError(f"invalid version {quoted(version)}: too many parts")
    for name, part in zip(("major", "minor", "micro"), parts, strict=False):
        if not _NUMBER.fullmatch(part):
            why = f"strconv.Atoi: parsing {quoted(part)}: invalid syntax"
            raise ValueError(f"failed to convert {name} version part {quoted(part)}: {why}")
    major, minor, micro = (int(part) for part in [*parts, "0", "0"][:3])
    return major, minor, micro


def at_least(version: str, other: str) -> bool:
    """Whether `version` is `other` or newer. Raises ValueError as `numbers_of` does."""
    return numbers_of(version) >= numbers_of(other)


def incompatible(version: str, supported: tuple[str, ...] = VERSIONS) -> CniError:
    """The refusal of a configuration whose version the plugin does not speak."""
    details = f"config is {quoted(version)}, plugin supports {quoted_list(supported)}"
    return CniError(Code.INCOMPATIBLE_VERSION, "incompatible CNI versions", details)


def container_id_error(container_id: str) -> CniError | None:
    """None for a good CNI_CONTAINERID: a letter or digit, then letters, digits, `_`, `.` and `-`."""
    if not container_id:
        return CniError(Code.INVALID_ENVIRONMENT, "missing containerID")
    if not _NAME.fullmatch(container_id):
        return CniError(Code.INVALID_ENVIRONMENT, "invalid characters in containerID", container_id)
    return None


def network_name_error(name: str) -> CniError | None:
    """None for a good network name; it becomes a directory's name, hence the same letters as a container's."""
    if not name:
        return CniError(Code.INVALID_CONFIG, "missing network name")
    if not _NAME.fullmatch(name):
        return CniError(Code.INVALID_CONFIG, "invalid characters found in network name", name)
    return None


def ifname_error(ifname: str) -> CniError | None:
    """None for a good CNI_IFNAME: what the kernel accepts as a device's name."""
    if not ifname:
        return CniError(Code.INVALID_ENVIRONMENT, "interface name is empty")
    if len(ifname.encode()) > IFNAME_LIMIT:
        limit = f"interface name should be less than {IFNAME_LIMIT + 1} characters"
        return CniError(Code.INVALID_ENVIRONMENT, "interface name is too long", limit)
    if ifname in (".", ".."):
        return CniError(Code.INVALID_ENVIRONMENT, "interface name is . or ..")
    if any(letter in "/:" or letter.isspace() for letter in ifname):
        return CniError(Code.INVALID_ENVIRONMENT, "interface name contains / or : or whitespace characters")
    return None
