"""The console of chapter 02: a person's terminal on the model."""

import shlex

import pytest

from kubenet_course.data import data
from kubenet_course.lab.console import Console
from kubenet_course.lab.scenario import load
from kubenet_course.lab.script import commands

BY_HAND = """
ip netns add red
ip netns add blue
ip link add a netns red type veth peer name b netns blue
ip -n red addr add 10.0.0.1/24 dev a
ip -n blue addr add 10.0.0.2/24 dev b
ip -n red link set a up
ip -n blue link set b up
"""


def test_two_namespaces_and_a_cable_answer_each_other() -> None:
    console = Console()
    console(BY_HAND)
    assert "64 bytes from 10.0.0.2" in str(console("ip netns exec red ping -c 1 10.0.0.2"))


def test_a_device_that_is_down_brings_no_route() -> None:
    console = Console()
    console(BY_HAND + "ip -n red link set a down")
    assert "10.0.0.0/24" not in str(console("ip -n red route"))


@pytest.mark.parametrize(
    "command, word", [("rm -rf /", "rm"), ("ip -n red addr add 10.0.0.9/24 dev zz", "zz"), ("ip netns add red", "red")]
)
def test_what_it_does_not_accept_is_refused_by_name(command: str, word: str) -> None:
    console = Console()
    console(BY_HAND)
    said = str(console(command))
    assert said.startswith("Refused")
    assert word in said


@pytest.mark.parametrize("name", ["same-node-cold", "three-pods-learn", "bridge-forgets"])
def test_the_script_of_a_scenario_builds_its_devices(name: str) -> None:
    world, console = load(data(f"scenarios/{name}.json")).world, Console()
    for command in commands(world):
        if not command.stdin:
            console(shlex.join(command.argv))
    for machine, ns in world.items():
        built = console.world[machine].devices
        assert {d: (x.mac, x.master, x.mtu, x.up) for d, x in ns.devices.items()} == {
            d: (x.mac, x.master, x.mtu, x.up) for d, x in built.items()
        }
