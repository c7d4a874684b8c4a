"""Chapter 09: a Service whose rules somebody has changed by hand, to be mended by lines of iptables."""

from __future__ import annotations

from random import Random

from msgspec import Struct

from ....linux.netfilter.rules import rule_text
from ....linux.verdicts import verdict
from ....views.tables.rules import chain as chain_table
from ....views.tables.show import rules
from ....views.tables.table import table
from ...questions.evidence import ending
from ...questions.kinds import Finding, Slip
from ...questions.kinds_made import Repair
from .. import defined
from .lines import carried_out, with_lines
from .shop import STRANGER, Shop, World, answered, shop, turn

FAULTS = ("even", "early", "itself", "port")
WEB_1 = "pod/default/web-1"


class Fault(Struct, frozen=True):
    """What somebody complains of, the chain in which a rule is wrong, its rules now, what mends it and what does not."""

    complaint: str
    chain: str
    now: list[str]
    mends: str
    slips: tuple[tuple[str, int], ...]
    because: str
    hints: tuple[str, str, str]


@defined("09-repair", "Somebody changed a rule")
def repair(chance: Random) -> Repair:
    kind = turn(chance, FAULTS, 16)
    of = shop(chance, 3 if kind in ("even", "early") else 1, "here" if kind == "itself" else "there")
    fault = {"even": _even, "early": _early, "itself": _itself, "port": _port}[kind](of)
    broken = with_lines(of.world, of.here, fault.chain, fault.now)

    def tests(text: str) -> tuple[Finding, ...]:
        return _tested(of, carried_out(broken, of.here, text))

    return Repair(
        asks=f"{fault.complaint} Somebody has changed a rule on {of.here} by hand. Below is the chain that was "
        f"changed. Write the lines that mend it, as one "
        f"types them on {of.here}: `iptables -t nat ...`. Everything else must go on as before.",
        look=chain_table(broken[of.here], fault.chain),
        starts="# iptables -t nat ...\n",
        tests=tests,
        solution=fault.mends,
        slips=tuple(Slip(text, belief) for text, belief in fault.slips),
        because=fault.because,
        evidence=chain_table(of.world[of.here], fault.chain),
        hints=fault.hints,
    )


def _rules(of: Shop, name: str) -> list[str]:
    return [
        rule_text(name, rule).removeprefix(f"-A {name} ")
        for rule in of.world[of.here].ruleset(4).tables["nat"].chains[name].rules
    ]


def _even(of: Shop) -> Fault:
    name = of.chain("KUBE-SVC-", leads=of.address).name
    right = _rules(of, name)
    wrong = right[2].replace("0.50000000000", "0.33333333349")
    spec = right[2]
    return Fault(
        ("One of three pods gets clearly more connections than the others. The change was meant to make the chances "
         "“fair”."), name,
        [right[0], right[1], wrong, right[3]], f"iptables -t nat -R {name} 3 {spec}",
        (((f"iptables -t nat -R {name} 2 "
           f"{right[1].replace('0.33333333349', '0.50000000000')}"), 2), (f"iptables -t nat -D {name} 3", 2)),
        ("With three endpoints the chances are 1/3, then 1/2, then all that is left. Equal numbers in the rules do "
         "not give equal shares."),
        ("Follow 12,000 connections through the chain, rule by rule. How many are left when rule 3 is asked?",
         "Rule 2 takes one of three parts. Two parts are left, and rule 3 must take one of them.",
         f"`iptables -t nat -R {name} 3 ...` replaces rule 3. It must say `--probability 0.5`."),
    )  # fmt: skip


def _early(of: Shop) -> Fault:
    name = of.chain("KUBE-SVC-", leads=of.address).name
    right = _rules(of, name)
    return Fault(
        "Only one of three pods gets connections. The two others run, are ready, and nobody asks them.", name,
        [right[0], right[3], right[1], right[2], right[3]], f"iptables -t nat -D {name} 2",
        ((f"iptables -t nat -D {name} 5", 3), (f"iptables -t nat -F {name}", 84)),
        ("A rule without a probability takes everything. It belongs at the end of the chain, where it takes what is "
         "left."),
        ("The kernel asks the rules in order. Which of them takes every connection that reaches it?",
         "A rule without `--probability` takes all. kube-proxy writes one such rule for an endpoint, at the end.",
         f"Rule 2 stands twice: once at the end, where it belongs. `iptables -t nat -D {name} NUMBER` deletes a rule."),
    )  # fmt: skip


def _itself(of: Shop) -> Fault:
    name = of.chain("KUBE-SEP-", leads=f"{of.ip('web-1')}/32").name
    mark, dnat = _rules(of, name)
    return Fault(
        (f"Every pod reaches the Service `web` ({of.address}), except `web-1` ({of.ip('web-1')}), its only "
         f"endpoint: when it asks the Service, it waits."), name,
        [dnat], f"iptables -t nat -I {name} {mark}",
        ((f"iptables -t nat -A {name} {mark}", 83), (f"iptables -t nat -I {name} -j KUBE-MARK-MASQ", 58)),
        ("A pod that asks itself must be masqueraded, so that the answer passes the node. The rule that marks it "
         "stands before DNAT."),
        ("What is special when `web-1` asks: which two addresses does its packet carry after DNAT?",
         f"Packets from {of.ip('web-1')} to this chain must be marked first: `-j KUBE-MARK-MASQ`.",
         f"`iptables -t nat -I {name} -s {of.ip('web-1')}/32 ...` puts a rule before the others."),
    )  # fmt: skip


def _port(of: Shop) -> Fault:
    name = of.chain("KUBE-SEP-", leads=f"{of.ip('web-1')}/32").name
    mark, dnat = _rules(of, name)
    wrong = dnat.replace(f":{of.target}", f":{of.port}")
    return Fault(
        (f"Whoever asks the Service `web` ({of.address}, port {of.port}) is refused at once, although `web-1` runs "
         f"and listens on port {of.target}."), name,
        [mark, wrong], f"iptables -t nat -R {name} 2 {dnat}",
        (((f"iptables -t nat -R {name} 2 "
           f"{dnat.replace(f':{of.target}', f':{of.node_port}')}"), 15), (f"iptables -t nat -A {name} {dnat}", 83)),
        ("The rule translates to the port on which the program listens, the Service's `targetPort`. On another port "
         "the pod's kernel refuses."),
        ("The packet arrives at `web-1`, and web-1's kernel refuses it. Which port did it arrive at?",
         (f"Rule 2 sends connections to port {of.port}, which is the Service's own. The program listens on another "
          f"port."),
         f"`iptables -t nat -R {name} 2 ...` replaces rule 2. It must end with `:{of.target}`."),
    )  # fmt: skip


def _tested(of: Shop, world: World) -> tuple[Finding, ...]:
    """Shares, the pod that asks itself, strangers, and that pods keep their address: all as kube-proxy means it."""
    met, wanted = of.met(world=world), of.met()
    if "refused" in met and len(wanted) == 1:
        met = wanted
    wrong = [name for name in {**wanted, **met} if abs(met.get(name, 0) - wanted.get(name, 0)) > 1e-3]
    if wrong:
        rows = [(name, f"{wanted.get(name, 0):.1%}", f"{met.get(name, 0):.1%}") for name in sorted({**wanted, **met})]
        shown = table("Where new connections go", ("to", "should be", "is now"), rows)
        gone = any(not name.startswith("web-") for name in met)
        only = len(met) == 1
        said = (
            "Some connections reach nobody now."
            if gone
            else "Only one pod is asked."
            if only
            else "The shares are not equal."
        )
        return (Finding(False, said, 84 if gone and only else 3 if only else 2, shown),)
    asked = of.asked(world=world)
    if verdict(asked).name != "delivered":
        late = _says_late(of, world, "DNAT")
        said = (
            ("The rule before yours still translates, and DNAT ends the walk.")
            if late
            else "On that port nobody listens in `web-1`."
        )
        return (Finding(False, f"`client` is still {verdict(asked).name}. {said}", 83 if late else 15, ending(asked)),)
    if verdict(asked).seen_from != of.ip("client"):
        return (
            Finding(
                False,
                ("Now `web-1` no longer sees the client's own address. Your rule marks every packet."),
                58,
                rules(asked, of.here),
            ),
        )
    return _others(of, world)


def _others(of: Shop, world: World) -> tuple[Finding, ...]:
    itself = of.asked(WEB_1, world=world)
    if _is_here(of) and not answered(itself):
        late = _says_late(of, world, "KUBE-MARK-MASQ")
        said = "Your rule stands behind DNAT, which ends the walk." if late else "Its packet is not masqueraded."
        shown = rules(itself, of.here, "nat PREROUTING")
        return (Finding(False, f"`web-1` still gets no answer from its own Service. {said}", 83 if late else 9, shown),)
    out = of.asked(STRANGER, of.outside, world=world)
    if not answered(out):
        return (Finding(False, f"A stranger, who asks {of.outside}, gets no answer now.", 11, ending(out)),)
    return (Finding(True, ""),)


def _says_late(of: Shop, world: World, word: str) -> bool:
    """Whether a rule behind the first DNAT of web-1's chain says a word: DNAT ends the walk, and it is never asked."""
    name = of.chain("KUBE-SEP-", leads=f"{of.ip('web-1')}/32").name
    lines = [rule_text(name, rule) for rule in world[of.here].ruleset(4).tables["nat"].chains[name].rules]
    first = next((at for at, line in enumerate(lines) if "-j DNAT" in line), len(lines))
    return any(word in line for line in lines[first + 1 :])


def _is_here(of: Shop) -> bool:
    return of.cluster.pod("default", "web-1").spec.node_name == of.here
