"""A terminal on the model: it takes the commands of `script.commands`, and those that show what they made, and nothing else.

    console = Console()
    console("ip netns add red")
    console("ip -n red addr")

A command changes the console's world as it would change a Linux machine, and says in words what is different, whatever the
command or the kernel by itself has changed. What is not understood, or what a kernel would refuse, is said in a sentence, with
the real program's words where it has some; no text that a person types raises an exception.

A kernel draws a MAC for a device that is given none. Here it follows from the names of namespace and device, so that a story is
the same each time it is told.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..errors import BadInput
from ..linux.namespace.bind import bind
from ..linux.namespace.memory import Memory
from ..linux.namespace.netns import Netns
from ..linux.namespace.trace import Trace
from . import rows
from .answer import Answer, Said
from .changes import changed
from .command import Command
from .completion import completed
from .effects import forgotten, settled
from .programs import MANUAL, carried_out
from .state import Call, Refused, Result, State, fresh
from .sysctl import with_defaults
from .tcpdump.listen import Listener, ended, heard

HEREDOC = re.compile(r"\s*<<-?\s*'?\"?(\w+)'?\"?\s*$")
NOTHING = "Nothing has changed."


class Console:
    """A terminal that stands in a namespace of its own, `here`, and builds others.

    `world` holds the namespaces and `memory` what their kernels have learned, as `linux.send` takes them; `sent` is the way of
    the packet that the last command has sent. `views.Console` shows it all as a picture.
    """

    def __init__(self, here: str = "host"):
        alone = State({here: fresh(here)}, {}, here)
        self._state = alone.with_device(here, alone.world[here].devices["lo"])
        self._untouched = self._state.world[here]
        self._pings = 0
        self._listening: list[Listener] = []
        self._commands: list[str] = []  # every command, as `history` lists them
        self.sent: Trace | None = None
        self.memory = Memory()

    @property
    def here(self) -> str:
        """The namespace that the terminal stands in."""
        return self._state.here

    @property
    def world(self) -> Mapping[str, Netns]:
        """The namespaces. The terminal's own is among them once something has been done in it."""
        here = self._state.here
        return {name: ns for name, ns in self._state.world.items() if name != here or ns != self._untouched}

    def complete(self, line: str) -> tuple[str, list[str]]:
        """What the Tab key makes of a line, and the words that its last one may become."""
        return completed(self._state, line)

    def stand(self, state: State) -> None:
        """The terminal stands in a world that is there already."""
        self._state = state

    def __call__(self, text: str) -> Answer:
        """Carries out the commands of a text, one a line, `#` for comments; the first that is refused ends it."""
        if not isinstance(text, str):
            return Answer((Said(1, str(text), ("A command is a text, such as 'ip netns add red'.",), refused=True),))
        done: list[Said] = []
        for line, command, words, stdin in _lines(text):
            done.append(self._one(line, command, words, stdin))
            if done[-1].refused:
                break
        return Answer(tuple(done))

    def run(self, commands: Iterable[Command]) -> Answer:
        """Carries out commands as `script.commands` makes them."""
        done: list[Said] = []
        for line, command in enumerate(commands, 1):
            done.append(self._one(line, shlex.join(command.argv), command.argv, command.stdin))
            if done[-1].refused:
                break
        return Answer(tuple(done))

    def listen(self, at: str, socket: str) -> Answer:
        """A program starts to listen, as in `listen("red", "tcp 0.0.0.0:80 web")`: no command of the console starts programs."""
        try:
            bound = bind(self._state.ns(at), rows.socket(socket))
        except (Refused, BadInput) as error:
            return Answer((Said(1, socket, (str(error),), refused=True),))
        if bound.error:
            return Answer((Said(1, socket, (f"{bound}.",), refused=True, quote=bound.error),))
        before, self._state = self._state, self._state.with_ns(bound.ns)
        return Answer((Said(1, socket, tuple(changed(before, self._state))),))

    def _one(self, line: int, command: str, words: Sequence[str], stdin: str) -> Said:
        """One command: what came of it, and the state after it."""
        before = self._state
        self._commands.append(command)
        try:
            if isinstance(words, str):
                raise Refused(words)
            if tuple(words) in (("help",), ("history",)):
                return Said(line, command, (), MANUAL if words[0] == "help" else self._history())
            if words[:1] and words[0] in ("kill", "killall", "pkill"):
                return self._killed(line, command)
            result = carried_out(Call(before, self.memory, before.here, tuple(words), stdin=stdin), self._pings)
        except Refused as refused:
            return Said(line, command, (refused.said,), refused=True, quote=refused.quote)
        after = settled(before, with_defaults(before, result.state))
        said = changed(before, after) + ([result.said] if result.said else [])
        forgotten(before, after, self.memory)
        self._state, self.sent, self._pings = after, result.trace, self._pings + (result.trace is not None)
        shown = "\n".join(part for part in (result.shown, *self._heard(result)) if part)
        return Said(line, command, tuple(said or ([] if shown else [NOTHING])), shown, trace=result.trace)

    def _history(self) -> str:
        return "\n".join(f"{number:>5}  {line}" for number, line in enumerate(self._commands, 1))

    def _heard(self, result: Result) -> list[str]:
        """What every tcpdump that listens has heard of a command's packets; one that has heard enough ends."""
        lines: list[str] = []
        for trace in (*result.earlier, *([result.trace] if result.trace is not None else [])):
            told = [heard(listener, trace, self.memory.now) for listener in self._listening]
            self._listening = [listener for listener, _ in told if not listener.is_done]
            lines += [line for _, part in told for line in part]
        self._listening += [result.listens] if result.listens else []
        return lines

    def _killed(self, line: int, command: str) -> Said:
        """`kill` ends every tcpdump that listens."""
        if not self._listening:
            raise Refused(
                "There is no tcpdump that listens.", "kill: usage: kill [-s sigspec | -n signum | -sigspec] pid"
            )
        lines = [row for listener in self._listening for row in ended(listener)]
        self._listening = []
        return Said(line, command, (), "\n".join(lines))

    def __repr__(self) -> str:
        return f"A terminal in {self._state.here}; {', '.join(self.world) or 'no namespaces yet'}."


def _lines(text: str) -> Iterator[tuple[int, str, Sequence[str], str]]:
    """Each command with its number, its words (or, as one text, why it has none), and what follows on its input."""
    left = iter(enumerate(text.splitlines(), 1))
    for number, line in left:
        line = line.strip().removeprefix("$ ").strip()
        stdin, end = "", HEREDOC.search(line)
        if not line or line.startswith("#"):
            continue
        if end:
            line, body = line[: end.start()], []
            for _, inner in left:
                if inner.strip() == end.group(1):
                    break
                body.append(inner)
            stdin = "\n".join(body) + "\n"
        yield number, line, _words(line), stdin


def _words(line: str) -> Sequence[str]:
    """The words of a line as a shell parts them; a text where the shell would do more than that."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|<>;&")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    try:
        words = list(lexer)
    except ValueError:
        return "A quotation mark is opened and never closed."
    if any(word.strip("|<>;&") == "" for word in words if word):
        return "One command a line: this terminal is no shell, and knows no ; | && < >, only <<'END' for rules."
    return words[1:] if words[:1] == ["sudo"] else words


__all__ = ["Answer", "Console"]
