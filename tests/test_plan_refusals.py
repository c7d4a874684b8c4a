"""`kubenet plan` with command lines that are wrong: one sentence, nothing half-printed, the right exit code."""

import json

import pytest

from kubenet_course.cli import main

ON = ["--allocate-node-cidrs", "--cluster-cidr=10.244.0.0/22"]
PAIR = ["--allocate-node-cidrs", "--cluster-cidr=10.244.0.0/22,fd00:10:244::/62"]
NAME = "NAME, or with --node NAME=CIDR or NAME=CIDR,CIDR"
MANY = "how many nodes, such as --nodes 3, at most 99999"
LENGTH = "a prefix length such as 24"
MASK, MASK_4, MASK_6 = (f"--node-cidr-mask-size{suffix}" for suffix in ("", "-ipv4", "-ipv6"))
OUTSIDE = "is out the range of cluster cidr"
SHORTER = (
    "Controller: Invalid --cluster-cidr, mask size of cluster CIDR must be less than or equal to --node-cidr-mask-size "
    "configured for CIDR family"
)
BOTH = (
    f"usage of {MASK_4} and {MASK_6} is not allowed if {MASK} is set. "
    "For dual-stack clusters please unset it and use IPFamily specific flags"
)
NOT_DUAL = "and they are not configured as dual stack (at least one from each IPFamily"
SERVICES, ROUTES = "--service-cluster-ip-range", "--configure-cloud-routes"


def ran(capsys, *arguments):
    """The exit code, and what stands on standard output and on standard error."""
    with pytest.raises(SystemExit) as end:
        main(["plan", *arguments])
    return end.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    "arguments, said",
    [
        # Flags of the manager: how they are written.
        ([ON[0], "true"], f"{ON[0]}: 'true' stands apart from it; {ON[0]}=true, in one word"),
        ([ROUTES, "false", *ON], f"{ROUTES}: 'false' stands apart from it; {ROUTES}=false, in one word"),
        (["--allocate-node-cidrs=yes"], "--allocate-node-cidrs: 'yes' is not a boolean; true or false"),
        (["--allocate-node-cidrs="], "--allocate-node-cidrs: '' is not a boolean; true or false"),
        (["--allocate-node-cidrs=tRue"], "--allocate-node-cidrs: 'tRue' is not a boolean; true or false"),
        (["--configure-cloud-routes=2"], "--configure-cloud-routes: '2' is not a boolean; true or false"),
        (["--cluster-cidr"], "--cluster-cidr: nothing follows it; a value, as in --cluster-cidr=VALUE"),
        (["--cluster-cidr", "--json"], "--cluster-cidr: nothing follows it; a value, as in --cluster-cidr=VALUE"),
        (["--cidr_allocator_type"], "--cidr-allocator-type: nothing follows it; a value, as in --cidr-allocator-type=VALUE"),
        ([SERVICES], f"{SERVICES}: nothing follows it; a value, as in {SERVICES}=VALUE"),
        ([MASK], f"{MASK}: nothing follows it; a value, as in {MASK}=VALUE"),
        ([f"{MASK}="], f"{MASK}: '' is not an integer; {LENGTH}"),
        ([MASK, "wide"], f"{MASK}: 'wide' is not an integer; {LENGTH}"),
        ([f"{MASK}=wide", f"{MASK}=24"], f"{MASK}: 'wide' is not an integer; {LENGTH}"),
        ([f"{MASK}=/24"], f"{MASK}: '/24' is not an integer; {LENGTH}"),
        ([f"{MASK}= 24"], f"{MASK}: ' 24' is not an integer; {LENGTH}"),
        ([f"{MASK}=24.0"], f"{MASK}: '24.0' is not an integer; {LENGTH}"),
        ([f"{MASK_4}=08"], f"{MASK_4}: '08' is not an integer; {LENGTH}"),
        ([f"{MASK_4}=٢٤"], f"{MASK_4}: '٢٤' is not an integer; {LENGTH}"),
        ([f"{MASK_4}=2__4"], f"{MASK_4}: '2__4' is not an integer; {LENGTH}"),
        ([f"{MASK_6}=2147483648"], f"{MASK_6}: 2147483648 does not fit in 32 bits; {LENGTH}"),
        ([f"{MASK_6}=-2147483649"], f"{MASK_6}: -2147483649 does not fit in 32 bits; {LENGTH}"),
        # Options that do not exist.
        (["--cluster-cider=10.0.0.0/16"], "No such option '--cluster-cider'. Did you mean '--cluster-cidr'?"),
        (["--Cluster-CIDR=10.0.0.0/16"], "No such option '--Cluster-CIDR'. Did you mean '--cluster-cidr'?"),
        ([f"{MASK}-ipv5=24"], f"No such option '{MASK}-ipv5'."),
        (["--leader-erect=false"], "No such option '--leader-erect'."),
        (["--no-allocate-node-cidrs"], "No such option '--no-allocate-node-cidrs'."),
        (["-node-cidr-mask-size=24"], "No such option '-n'."),
        (["-n", "3"], "No such option '-n'."),
        (["stray"], "Got unexpected extra argument (stray)"),
        (["--", "--node", "a"], "Got unexpected extra arguments (--node a)"),
        (["--restart", "now"], "Got unexpected extra argument (now)"),
        # What is told of nodes.
        (["--nodes"], f"--nodes: nothing follows it; {MANY}"),
        (["--nodes="], f"--nodes: nothing follows it; {MANY}"),
        (["--nodes", "--json"], f"--nodes: nothing follows it; {MANY}"),
        (["--nodes=many"], f"--nodes: 'many' is not what it takes; {MANY}"),
        (["--nodes=-1"], f"--nodes: '-1' is not what it takes; {MANY}"),
        (["--nodes", "1.5"], f"--nodes: '1.5' is not what it takes; {MANY}"),
        (["--nodes", "1e3"], f"--nodes: '1e3' is not what it takes; {MANY}"),
        (["--nodes", "3 "], f"--nodes: '3 ' is not what it takes; {MANY}"),
        (["--nodes", "٣"], f"--nodes: '٣' is not what it takes; {MANY}"),
        (["--nodes", "100000"], f"--nodes: '100000' is not what it takes; {MANY}"),
        (["--nodes=3", "--nodes=" + "9" * 5000], "--nodes: '9999"),
        (["--node"], f"--node: nothing follows it; {NAME}"),
        (["--node="], f"--node: nothing follows it; {NAME}"),
        (["--node", "--delete", "a"], f"--node: nothing follows it; {NAME}"),
        (["--node=a="], f"--node: 'a=' is not what it takes; {NAME}"),
        (["--node", "=10.244.0.0/24"], f"--node: '=10.244.0.0/24' is not what it takes; {NAME}"),
        (["--delete"], "--delete: nothing follows it; the NAME of a node"),
        (["--delete="], "--delete: nothing follows it; the NAME of a node"),
        (["--node=a", "--delete=a=10.244.0.0/24"], "--delete: 'a=10.244.0.0/24' is not what it takes; the NAME of a node"),
        (["--restart=now"], "--restart: 'now' is not what it takes; --restart alone"),
        # The command's own.
        (["--settle"], "Option '--settle' requires an argument."),
        (["--settle=soon"], "--settle: 'soon' is not what it takes; seconds, from 0 to 86400"),
        (["--settle=nan"], "--settle: 'nan' is not what it takes; seconds, from 0 to 86400"),
        (["--settle", "inf"], "--settle: 'inf' is not what it takes; seconds, from 0 to 86400"),
        (["--settle=-1"], "--settle: '-1' is not what it takes; seconds, from 0 to 86400"),
        (["--json=yes"], "Option '--json' does not take a value."),
    ],
)  # fmt: skip
def test_bad_input_is_one_sentence_and_nothing_else(capsys, arguments, said):
    code, printed, sentence = ran(capsys, "--json", *arguments)
    assert (code, printed) == (2, "")
    assert sentence.startswith(f"kubenet: {said}")
    assert sentence.count("\n") == 1 and sentence.endswith("\n")


@pytest.mark.parametrize(
    "arguments, error",
    [
        (["--allocate-node-cidrs"], "invalid CIDR[0]: <nil> (invalid CIDR address: )"),
        (["--allocate-node-cidrs", "--cluster-cidr="], "invalid CIDR[0]: <nil> (invalid CIDR address: )"),
        ([*ON, "--cluster-cidr=10.244.0.0"], "invalid CIDR[0]: <nil> (invalid CIDR address: 10.244.0.0)"),
        ([*ON, "--cluster-cidr=10.244.0.0/33"], "invalid CIDR[0]: <nil> (invalid CIDR address: 10.244.0.0/33)"),
        ([*ON, "--cluster-cidr=10.244.0.0/16,"], "invalid CIDR[1]: <nil> (invalid CIDR address: )"),
        ([*ON, "--cluster-cidr=10.0.0.0/16, fd00::/48"], "invalid CIDR[1]: <nil> (invalid CIDR address:  fd00::/48)"),
        ([*ON, "--cluster-cidr=10.0.0.0/16,10.1.0.0/16"], f"len of ClusterCIDRs==2 {NOT_DUAL}"),
        ([*ON, "--cluster-cidr=fd00::/64,fd01::/64,fd02::/64"], f"len of ClusterCIDRs==3 {NOT_DUAL}"),
        ([*PAIR, "--cluster-cidr=10.0.0.0/16,fd00::/48,10.1.0.0/16"], "length of clusterCIDRs is:3 more than max allowed of 2"),
        ([*ON, f"{MASK}=21"], SHORTER),
        ([*ON, f"{MASK}=-1"], SHORTER),
        ([*ON, "--cluster-cidr=10.244.0.0/25"], SHORTER),
        ([*PAIR, f"{MASK_6}=61"], SHORTER),
        ([*ON, "--cluster-cidr=fd00:10:244::/47"], "New CIDR set failed; the node CIDR size is too big"),
        ([*ON, "--cluster-cidr=fd00:10:244::/56", f"{MASK}=129"], "New CIDR set failed; the node CIDR size is too big"),
        ([*PAIR, f"{MASK}=24"], f"usage of {MASK} is not allowed with dual-stack clusters"),
        ([*ON, f"{MASK}=24", f"{MASK_4}=24"], BOTH),
        ([*ON, f"{MASK_6}=64"], f"usage of {MASK_6} is not allowed for a single-stack IPv4 cluster"),
        ([*ON, "--cluster-cidr=fd00::/60", f"{MASK_4}=24"], f"usage of {MASK_4} is not allowed for a single-stack IPv6 cluster"),
        ([f"{SERVICES}=10.0.0.0/16,fd00::/112,"], f"{SERVICES} can not contain more than two entries"),
        ([*ON, f"{SERVICES}=10.0.0.0/16,10.1.0.0/16"],
         "serviceCIDR and secondaryServiceCIDR are not dualstack (from different IPfamiles)"),
        ([*ON, "--cidr-allocator-type=CloudAllocator"],
         "--cidr-allocator-type is set to 'CloudAllocator' but cloud provider is not configured"),
        ([*ON, "--cidr-allocator-type=rangeallocator"], "invalid CIDR allocator type: rangeallocator"),
        ([*ON, "--cidr-allocator-type="], "invalid CIDR allocator type: "),
        ([*ON, "--node=x=172.16.0.0/24", "--restart"],
         f"failed to mark cidr[172.16.0.0/24] at idx [0] as occupied for node: x: cidr 172.16.0.0/24 {OUTSIDE} 10.244.0.0/22"),
        ([*ON, "--node=x=fd00::/64", "--restart"],
         f"failed to mark cidr[fd00::/64] at idx [0] as occupied for node: x: cidr fd00::/64 {OUTSIDE} 10.244.0.0/22"),
    ],
)  # fmt: skip
def test_what_ends_the_controller_is_the_answer_and_the_answer_is_no(capsys, arguments, error):
    code, printed, complaint = ran(capsys, "--json", *arguments, "--node=late")
    assert (code, complaint) == (1, "")
    reply = json.loads(printed)
    assert reply["error"] == error
    assert reply["nodes"][-1] == {"name": "late", "podCIDRs": []}
    assert ran(capsys, *arguments)[1].endswith(f"kube-controller-manager exits: {error}\n")


@pytest.mark.parametrize(
    "story, api_error",
    [
        ("--node=a --node=a", 'nodes "a" already exists'),
        ("--node=a --delete=a --delete=a", 'nodes "a" not found'),
        ("--delete=ghost", 'nodes "ghost" not found'),
        ("--node=a=10.244.0.1/24", "must not have bits set beyond the prefix length"),
        ("--node=a=10.244.0.0/24,10.244.1.0/24", "may specify no more than one CIDR for each IP family"),
        ("--node=a=10.244.0.0/24,", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"),
        ("--node=A", "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters"),
        (f"--node={'a' * 254}", "must be no more than 253 characters"),
    ],
)
def test_what_the_api_server_refuses_is_said_and_the_story_goes_on(capsys, story, api_error):
    code, printed, complaint = ran(capsys, "--json", *ON, *story.split(), "--node=late")
    assert (code, complaint) == (1, "")
    *_, refused, late = json.loads(printed)["steps"]
    assert api_error in refused["api_error"]
    assert late["podCIDRs"] == ["10.244.1.0/24" if story.count("--node=a ") else "10.244.0.0/24"]
