"""What stands around a program on trial, in its own process: `python -I -S confine.py '{"file": ..., ...}'`.

From outside in: this process waits; in a new PID namespace its child is process 1, whose end ends everything there; its child is
the program, with limits, without privileges, behind a filter of system calls. Where there are no namespaces the filter also
refuses to open files for writing. Only the standard library is used, and nothing of the course.
"""

import builtins
import json
import os
import signal
import sys

LINUX = sys.platform.startswith("linux")
MISSING = 125  # the exit code where something that was promised cannot be had
PDEATHSIG = 1
HARM = {
    "socket.": "it has no network",
    "subprocess.": "it starts no other program",
    "os.system": "it starts no other program",
    "os.exec": "it starts no other program",
    "os.posix_spawn": "it starts no other program",
    "os.spawn": "it starts no other program",
    "os.startfile": "it starts no other program",
    "os.fork": "it starts no other process",
    "pty.": "it starts no other process",
    "os.kill": "it sends no signals",
    "signal.pthread_kill": "it sends no signals",
    "webbrowser.": "it starts no other program",
    "winreg.": "it changes no settings",
}
FILES = {"open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.chmod", "os.chown",
         "os.link", "os.symlink", "os.truncate", "os.utime", "os.chdir", "shutil.rmtree", "sqlite3.connect"}  # fmt: skip


def speak(scratch: str, readable: list[str]) -> None:
    """Says in a sentence what is not allowed, before the kernel would say EPERM. This is a voice, not a wall."""
    inside = os.path.realpath

    def below(path: str, folders: list[str]) -> bool:
        return any(path == folder or path.startswith(folder.rstrip(os.sep) + os.sep) for folder in folders)

    def refuse(event: str, said: tuple) -> None:
        for name, why in HARM.items():
            if event.startswith(name):
                raise PermissionError(f"a program on trial may not use {event}: {why}")
        if event in FILES and said and isinstance(said[0], str | bytes):
            path = inside(os.fsdecode(said[0]))
            reads = event in ("os.listdir", "os.scandir") or (event == "open" and _reads(said))
            if not below(path, [scratch, *(readable if reads else [])]) and path != os.devnull:
                raise PermissionError(f"a program on trial may not open {path}: its own folder is all that it has")

    sys.addaudithook(refuse)


def _reads(said: tuple) -> bool:
    mode, flags = said[1], said[2]
    if isinstance(mode, str):
        return not set(mode) & set("wax+")
    return not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)


def limit(limits: dict) -> None:
    """Resource limits of this process and whatever it might start (setrlimit(2)); Windows has none."""
    try:
        import resource
    except ImportError:
        return
    wanted = {"CPU": limits["cpu"], "AS": limits["memory"], "FSIZE": limits["file"], "NOFILE": limits["files"]}
    for name, most in ({"NPROC": 0, "CORE": 0, "MEMLOCK": 0, "MSGQUEUE": 0} | wanted).items():
        number = getattr(resource, f"RLIMIT_{name}", None)
        if number is None:
            continue
        soft_and_hard = (most, most + 1) if name == "CPU" else (most, most)
        try:
            resource.setrlimit(number, soft_and_hard)
        except (ValueError, OSError):
            if LINUX:
                raise


def die_with_parent() -> None:
    """This process ends when the one that made it ends, however that ends."""
    import ctypes

    ctypes.CDLL(None).prctl(PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))


def execute(source: bytes, name: str) -> int:
    """The program itself, as `python FILE` would run it. Its exit code; a traceback goes to standard error."""
    import traceback

    sys.argv = [name]
    main = type(sys)("__main__")
    main.__dict__["__builtins__"] = builtins
    sys.modules["__main__"] = main
    try:
        exec(compile(source, name, "exec"), main.__dict__)
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return (end.code or 0) & 0xFF
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        own = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, own)
        return 1
    return 0


def inner(order: dict, source: bytes, scratch: str) -> int:
    """The last steps before the program, in the process that will be it."""
    readable = [os.path.realpath(path) for path in (sys.base_prefix, sys.base_exec_prefix, "/usr", "/lib", "/lib64")]
    os.chdir(scratch)
    limit(order["limits"])
    if LINUX:
        from apart import become_nobody, no_capabilities
        from seccomp import close

        if "namespaces" in order["layers"]:
            become_nobody()
            no_capabilities()
        if "seccomp" in order["layers"] and not close(may_write="namespaces" in order["layers"]):
            return MISSING
    speak(scratch, readable)
    code = execute(source, order["name"])
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 1
    return code


def _code(status: int) -> int:
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def _as_child(work) -> int:
    """Does the work in a child, and answers with its exit code."""
    child = os.fork()
    if child:
        return _code(os.waitpid(child, 0)[1])
    code = MISSING
    try:
        die_with_parent()
        code = work()
    except OSError as error:
        print(f"confine: {error}", file=sys.stderr)
    except BaseException as error:
        print(f"confine: {type(error).__name__}: {error}", file=sys.stderr)
    finally:
        os._exit(code)


def probe() -> list[str]:
    """Which of the two walls this machine gives: each is tried in a child."""
    if not LINUX:
        return []
    from apart import enter, leave
    from seccomp import close

    def namespaces() -> int:
        place = sys.argv[2]
        leave()
        return _as_child(lambda: enter(place) or 0)

    found = {"namespaces": namespaces, "seccomp": lambda: 0 if close(may_write=True) else 1}
    return [name for name, test in found.items() if _as_child(test) == 0]


def main() -> int:
    """Builds the walls that were ordered, then runs the program within them."""
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    if LINUX:
        import apart  # noqa: F401 - both are loaded while this folder can be seen
        import seccomp  # noqa: F401
    del sys.path[0]
    if sys.argv[1] == "probe":
        print(json.dumps(probe()))
        return 0
    order = json.loads(sys.argv[1])
    with open(order["file"], "rb") as file:
        source = file.read()
    for name in order["hidden"]:
        os.environ.pop(name, None)
    if not LINUX:
        return inner(order, source, order["place"])
    die_with_parent()
    if "namespaces" not in order["layers"]:
        return _as_child(lambda: inner(order, source, order["place"]))
    from apart import SCRATCH, enter, leave

    def first() -> int:
        enter(order["place"])
        return _as_child(lambda: inner(order, source, SCRATCH))

    leave()
    return _as_child(first)


if __name__ == "__main__":
    sys.exit(main())
