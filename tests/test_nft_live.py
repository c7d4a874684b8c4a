"""Random rulesets of nftables in the real kernel and in the model: no difference. `--live 200` for more, `--seed S` to repeat."""

from contextlib import suppress
from random import Random

import pytest
from kernel_cases import differences
from kernel_lab import Player
from realkernel import RealKernel, RefusedRules, missing
from realkernel.styles import NFT_STYLES


@pytest.fixture(scope="module")
def kernel():
    if reason := missing():
        pytest.skip(f"cannot ask the real kernel: {reason}")
    with RealKernel() as standing:
        yield standing


def asked(kernel, seed, number):
    """The first ruleset of a stream that nft takes, answered by the kernel."""
    rng = Random(f"nft {seed} {number}")
    while True:
        with suppress(RefusedRules):
            return kernel.ask({"id": number} | NFT_STYLES["nft"](rng, number))


def test_random_rulesets_of_nftables_do_the_same_in_the_kernel_and_in_the_model(
    kernel, seed, rounds, pytestconfig, note
):
    count, packets, lost = pytestconfig.option.live * rounds, 0, 0
    for number in range(count):
        case = asked(kernel, seed, number)
        player = Player(case)
        for at, row in enumerate(case["packets"]):
            found = differences(player, row)
            packets += 1
            lost += player.lost
            if found:
                beside = case.get("restore_input") or case.get("ip6_restore_input") or ""
                pytest.fail(
                    f"--seed {seed}, ruleset {number}, packet {at}: {row}\n{found}\n{case['nft_input']}{beside}"
                )
    note(f"live: {count} rulesets of nftables, {packets} packets, {lost} of them beyond the model, seed {seed}")
