"""One plugin call from its environment and standard input to its exit code: the skeleton that every plugin hangs on.

Order of the checks, codes and sentences are those of `containernetworking/cni/pkg/skel` (library 1.3, SPEC.md 1.1.0).
"""

import errno
import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any, NamedTuple

from . import decode, spec
from .decode import Unreadable
from .result import Result, as_version, printed
from .spec import VERSIONS, CniError, Code

ATTACHED = frozenset({"ADD", "CHECK", "DEL"})  # about one interface of one container
SINCE = {"CHECK": "0.4.0", "GC": "1.1.0", "STATUS": "1.1.0"}
ENVIRONMENT: tuple[tuple[str, frozenset[str], Callable[[str], CniError | None] | None], ...] = (
    ("CNI_CONTAINERID", ATTACHED, spec.container_id_error),
    ("CNI_NETNS", ATTACHED - {"DEL"}, None),
    ("CNI_IFNAME", ATTACHED, spec.ifname_error),
    ("CNI_PATH", ATTACHED | {"GC", "STATUS"}, None),
)

_NAME = decode.struct('struct { Name string "json:\\"name\\"" }', {"name": decode.text})
_VERSION = decode.struct('struct { CNIVersion string "json:\\"cniVersion\\"" }', {"cniVersion": decode.text})


class Call(NamedTuple):
    """One call of a plugin: what CNI_* said, and the configuration from standard input as plain values."""

    command: str
    container_id: str
    netns: str
    ifname: str
    args: str
    path: str
    conf: Any
    version: str
    stdin: bytes = b""


Commands = Mapping[str, Callable[[Call], Result | None]]


def plugin_main(name: str, commands: Commands) -> int:
    """Answers this process's call and returns its exit code: 0, or 1 with an error object on standard output."""
    # UTF-8 whatever the runtime's language settings are; a runtime may have closed standard input.
    with open(1, "w", encoding="utf-8", closefd=False) as stdout:
        return answer(name, commands, os.environ, sys.stdin.buffer if sys.stdin else None, stdout, sys.stderr)


def answer(
    name: str, commands: Commands, env: Mapping[str, str], stdin: IO[bytes] | None, stdout: IO[str], stderr: IO[str]
) -> int:
    """The same for any environment and streams. A command that is not in `commands` does nothing, successfully."""
    if not env.get("CNI_COMMAND"):
        # The reference, built without a version of its own, says so; captures are compared with this line.
        print(f"CNI {name} plugin version unknown", file=stderr)
        print(f"CNI protocol versions supported: {', '.join(VERSIONS)}", file=stderr)
        return 0
    try:
        stdout.write(_answered(commands, env, stdin))
    except CniError as error:
        stdout.write(printed(error.as_json()))
        return 1
    return 0


def _answered(commands: Commands, env: Mapping[str, str], stdin: IO[bytes] | None) -> str:
    command = env["CNI_COMMAND"]
    check_environment(command, env)
    if command == "VERSION":
        return json.dumps({"cniVersion": spec.CURRENT, "supportedVersions": VERSIONS}, separators=(",", ":")) + "\n"
    document = _read(stdin)
    conf = _configuration(document)
    if command not in ATTACHED | SINCE.keys():
        raise CniError(Code.INVALID_ENVIRONMENT, f"unknown CNI_COMMAND: {command}")
    version = _version(command, conf)
    names = ("CONTAINERID", "NETNS", "IFNAME", "ARGS", "PATH")
    container_id, netns, ifname, args, path = (env.get(f"CNI_{each}", "") for each in names)
    call = Call(command, container_id, netns, ifname, args, path, conf, version, document)
    if command == "ADD":
        refuse_own_netns(call, env)
    result = _called(commands, call)
    if command == "DEL":
        refuse_own_netns(call, env)
    return "" if result is None else printed(_in_version(result, version))


def check_environment(command: str, env: Mapping[str, str]) -> None:
    """Raises for the first malformed variable, else for all that the command needs and that are missing."""
    missing = []
    for name, needed, error_of in ENVIRONMENT:
        value = env.get(name, "")
        if command in needed and not value:
            missing.append(name)
        elif command in needed and error_of is not None and (error := error_of(value)) is not None:
            raise error
    if missing:
        raise CniError(Code.INVALID_ENVIRONMENT, f"required env variables [{','.join(missing)}] missing")


def _read(stdin: IO[bytes] | None) -> bytes:
    try:
        if stdin is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        return stdin.read()
    except OSError as failure:
        raise CniError(
            Code.IO_FAILURE, f"error reading from stdin: read /dev/stdin: {in_reference_words(failure)}"
        ) from None


def _configuration(document: bytes) -> Any:
    try:
        conf = decode.parse(document)
        name = decode.unmarshal(conf, _NAME).get("name", "")
    except Unreadable as wrong:
        raise CniError(Code.DECODING_FAILURE, f"error unmarshall network config: {wrong}") from None
    if error := spec.network_name_error(name):
        raise error
    return conf or {}


def _version(command: str, conf: Any) -> str:
    try:
        version: str = decode.unmarshal(conf, _VERSION).get("cniVersion") or spec.OLDEST
    except Unreadable as wrong:
        raise CniError(Code.DECODING_FAILURE, f"decoding version from network config: {wrong}") from None
    if command in SINCE:
        try:
            allowed = spec.at_least(version, SINCE[command])
            known = spec.at_least(spec.CURRENT, version)
        except ValueError as wrong:
            raise CniError(Code.DECODING_FAILURE, str(wrong)) from None
        if not allowed:
            raise CniError(Code.INCOMPATIBLE_VERSION, f"config version does not allow {command}")
        if not known:
            raise CniError(Code.INCOMPATIBLE_VERSION, f"plugin version does not allow {command}")
    if version not in VERSIONS:
        raise spec.incompatible(version)
    return version


def _called(commands: Commands, call: Call) -> Result | None:
    run = commands.get(call.command)
    try:
        return run(call) if run else None
    except Unreadable as wrong:
        raise spec.refused(str(wrong)) from None
    except OSError as failure:
        raise spec.refused(
            f"{failure.filename}: {in_reference_words(failure)}" if failure.filename else in_reference_words(failure)
        ) from None
    except (ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as fault:
        # A runtime reads standard output: whatever happens, it finds an error object there and no traceback.
        told = f"internal error: {type(fault).__name__}: {fault}"
        raise spec.refused(told, "please report this configuration") from None


def _in_version(result: Result, version: str) -> dict[str, Any]:
    try:
        return as_version(result, version)
    except Unreadable as wrong:
        raise spec.refused(str(wrong)) from None


def in_reference_words(failure: OSError) -> str:
    """An operating system's error in the reference's words: the same sentence, begun in lower case."""
    words = failure.strerror or str(failure)
    return words[:1].lower() + words[1:]


def refuse_own_netns(call: Call, env: Mapping[str, str]) -> None:
    """A container that lives in the plugin's own network namespace cannot be wired to it (code 8).

    The reference looks only after ADD, when everything is done; here ADD looks first, so that nothing stays behind.
    """
    override = env.get("CNI_NETNS_OVERRIDE", "")
    if override.upper() == "TRUE" or override == "1":
        return
    try:
        theirs, ours = os.stat(call.netns), os.stat("/proc/self/ns/net")
    except OSError:
        return
    if (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino):
        same = "plugin's netns and netns from CNI_NETNS should not be the same"
        raise CniError(Code.INVALID_NETNS, same, "give the path of the container's own network namespace")
