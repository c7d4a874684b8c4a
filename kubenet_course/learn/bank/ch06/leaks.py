"""Chapter 06: who still holds an address after a crash, and what that means for the next pod."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

from msgspec import Struct

from ....cni.node.node import Node
from ....views.tables.table import Table, table
from ...questions.kinds import Slip, Value
from ...questions.reading import ADDRESS, NUMBER
from .. import Chance, defined
from .networks import Net, drawn

NAMES = ("api", "cache", "db", "front", "mail", "queue", "search", "web")
SMALL = 28  # the length of the block in the question how many pods fit


class Crash(Struct, frozen=True):
    """Pods came; one was deleted in good order, one was lost in a crash. `given` is who got which address."""

    of: Net
    node: Node
    network: dict[str, Any]
    given: dict[str, str]
    gone: str
    lost: str
    story: Table

    @property
    def living(self) -> list[str]:
        return [name for name in self.given if name not in (self.gone, self.lost)]

    @property
    def held(self) -> Table:
        rows = self.node.held("podnet").items()
        return table("What host-local has written down", ("address", "reserved for"), rows, code=(0,))


def _crash(chance: Chance, length: int) -> Crash:
    of, node = drawn(chance), Node()
    network = of.network(())
    network["plugins"][0]["ipam"]["subnet"] = of.subnet.replace("/24", f"/{length}")
    names = chance.sample(NAMES, chance.choice((4, 5)))
    gone, lost = chance.sample(names, 2)
    story, given = [], {}
    for name in names:
        node.sandbox(name)
        given[name] = node.add(network, name).result["ips"][0]["address"].partition("/")[0]
        story.append((f"ADD {name}", f"gets {given[name]}"))
    node.delete(network, gone)
    node(f"ip netns del {lost}")
    story += [(f"DEL {gone}", "no error"), (f"{lost} is lost: the node crashed", "no call")]
    told = table("What happened on the node, in this order", ("call", "answer"), story, code=(0,))
    return Crash(of, node, network, given, gone, lost, told)


@defined("06-leak", "Who still holds an address?")
def leak(chance: Chance) -> Value:
    return chance.turn(_freed, _next, _reserved, _room)(chance)


HINTS = (
    "ADD writes a reservation down. What takes it away?",
    "A pod that vanishes tells nobody. Only DEL or GC reaches the store.",
)


def _freed(chance: Chance) -> Value:
    """Which address does GC give back?"""
    crash = _crash(chance, 24)
    held, given, last = crash.held, crash.given, crash.living[-1]
    before = set(crash.node.held("podnet"))
    crash.node.collect(crash.network, crash.living)
    (freed,) = before - set(crash.node.held("podnet"))
    told = f"DEL gave that one back long before: {crash.gone} was deleted in good order."
    return Value(
        asks="Now the runtime sends GC and names the pods that are alive. Which address is given back?",
        look=crash.story,
        answer=freed,
        reads=ADDRESS,
        slips=(
            Slip(given[crash.gone], 30, told, held),
            Slip(given[last], 0, f"{last} is alive, and keeps its address.", held),
            Slip(crash.of.gateway, 0, "That is the gateway's address, which the bridge has. No pod ever had it.", held),
        ),
        because=f"GC names the pods that are alive. {freed} is reserved for {crash.lost}, which is not among them.",
        evidence=held,
        hints=(*HINTS, f"Two pods are gone. For {crash.gone} DEL was called."),
    )


def _next(chance: Chance) -> Value:
    """Which address does the next pod get?"""
    crash = _crash(chance, 24)
    held, last = crash.held, list(crash.given.values())[-1]
    crash.node.sandbox("late")
    answer = crash.node.add(crash.network, "late").result["ips"][0]["address"].partition("/")[0]
    told = (
        "The search goes on behind the address that was given last. A free address in front of it is not looked at yet."
    )
    return Value(
        asks="The node is up again, and a new pod starts. Which address does it get?",
        look=crash.story,
        answer=answer,
        reads=ADDRESS,
        slips=(
            Slip(crash.given[crash.gone], 30, told, held),
            Slip(
                crash.given[crash.lost], 30, f"That address is still reserved for {crash.lost}: no DEL was sent.", held
            ),
            Slip(last, 0, "That is the address that was given last.", held),
        ),
        because="host-local takes the next free address behind the one that it gave last. What was given back comes later.",
        evidence=held,
        hints=(
            "host-local remembers more than who has which address. It also remembers where it stopped.",
            "It does not look for the lowest free address.",
            f"The last address that it gave is {last}.",
        ),
    )


def _reserved(chance: Chance) -> Value:
    """How many addresses are reserved?"""
    crash = _crash(chance, 24)
    held, count = crash.held, len(crash.given)
    return Value(
        asks="How many addresses does host-local hold for pods now, before any GC?",
        look=crash.story,
        answer=len(crash.node.held("podnet")),
        reads=NUMBER,
        slips=(
            Slip(
                len(crash.living),
                30,
                f"{len(crash.living)} pods are alive. Nobody has given back the address of {crash.lost}.",
                held,
            ),
            Slip(count, 98, f"{count} addresses were given, and one DEL has been sent since.", held),
        ),
        because=f"{count} addresses were given, and one was given back: that of {crash.gone}.",
        evidence=held,
        hints=(*HINTS, f"{count} ADDs and one DEL."),
    )


def _room(chance: Chance) -> Value:
    """How many more pods fit?"""
    crash = _crash(chance, SMALL)
    held, size = crash.held, ip_network(crash.network["plugins"][0]["ipam"]["subnet"]).num_addresses
    fits, taken = size - 3, len(crash.node.held("podnet"))
    return Value(
        asks=f"The node's block is a /{SMALL}, which has {size} addresses. How many more pods can start now, before any GC?",
        look=crash.story,
        answer=fits - taken,
        reads=NUMBER,
        slips=(
            Slip(
                fits - len(crash.living), 30, f"The address of {crash.lost} is still reserved: no DEL was sent.", held
            ),
            Slip(
                size - taken, 86, "Three of the addresses are for no pod: the first, the gateway's, and the last.", held
            ),
        ),
        because=f"{size} addresses, less three that are for no pod, less {taken} that are reserved.",
        evidence=held,
        hints=(*HINTS, "The first address, the gateway's and the last one are for no pod. How many are reserved?"),
    )
