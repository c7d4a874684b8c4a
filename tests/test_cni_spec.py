"""The contract: environments, versions, configurations and results, as the reference plugins answer them."""

import io
import json
from typing import Any

import pytest
from cni_calls import environment, ours, steps_of

from kubenet_course.cni.contract import decode, result, skel, syntax
from kubenet_course.cni.contract.address import parse_cidr, parse_ip
from kubenet_course.cni.contract.args import arguments
from kubenet_course.cni.contract.decode import Unreadable
from kubenet_course.cni.contract.spec import VERSIONS, CniError, at_least, numbers_of, quoted
from kubenet_course.cni.runtime.delegate import previous_result

PATH = {"CNI_PATH": "/opt/cni/bin"}


def without_kernel() -> list[dict[str, Any]]:
    """The recorded calls that touch nothing: wrong environments, versions and configurations."""
    codes = (1, 4, 6, 7)
    calls = [step for step in steps_of("errors") if "plugin" in step]
    touched_nothing = [
        step for step in calls if isinstance(step["stdout"], dict) and step["stdout"].get("code") in codes
    ]
    return [step for step in calls if step.get("note") == "CNI_COMMAND missing"] + touched_nothing


@pytest.mark.parametrize("step", without_kernel(), ids=lambda step: step["note"])
def test_a_call_that_breaks_the_contract_gets_the_recorded_code_and_sentence(step: dict[str, Any]):
    answer = ours(step["plugin"], step["env"] | PATH, step["stdin"])
    assert answer == (step["exit_code"], step["stdout"], step["stderr"])


@pytest.mark.parametrize("plugin", ["bridge", "host-local", "portmap"])
def test_version_names_what_the_recorded_plugin_names_whatever_stands_on_standard_input(plugin: str):
    recorded = [step for step in steps_of("version") if step.get("plugin") == plugin]
    assert recorded
    for step in recorded:
        assert ours(plugin, step["env"], step["stdin"]) == (step["exit_code"], step["stdout"], step["stderr"])


def test_a_malformed_name_is_said_before_what_is_missing():
    env = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "bad id"}
    assert ours("bridge", env, {}).said["msg"] == "invalid characters in containerID"
    env = {"CNI_COMMAND": "ADD", "CNI_IFNAME": "eth0"}
    missing = "required env variables [CNI_CONTAINERID,CNI_NETNS,CNI_PATH] missing"
    assert ours("bridge", env, {}).said == {"code": 4, "msg": missing}


def test_gc_and_status_need_only_a_path():
    env = {"CNI_COMMAND": "STATUS", **PATH}
    assert ours("host-local", env, {"cniVersion": "1.1.0", "name": "net"}) == (0, "", "")
    assert ours("host-local", {"CNI_COMMAND": "GC"}, {}).said["msg"] == "required env variables [CNI_PATH] missing"


@pytest.mark.parametrize(
    "command, version, code, msg",
    [
        ("CHECK", "abc", 6, 'failed to convert major version part "abc": strconv.Atoi: parsing "abc": invalid syntax'),
        ("CHECK", "0.3.1", 1, "config version does not allow CHECK"),
        ("CHECK", "9.9.9", 1, "plugin version does not allow CHECK"),
        ("CHECK", "0.5.0", 1, "incompatible CNI versions"),
        ("STATUS", "1.0.0", 1, "config version does not allow STATUS"),
        ("GC", "1.0.0.0", 6, 'invalid version "1.0.0.0": too many parts'),
        ("ADD", "1.0.0.0", 1, "incompatible CNI versions"),
    ],
)
def test_a_version_must_know_the_command(command: str, version: str, code: int, msg: str):
    answer = ours("host-local", environment(command), {"cniVersion": version, "name": "net"})
    assert (answer.said["code"], answer.said["msg"]) == (code, msg)


def test_a_container_in_the_plugins_own_namespace_is_refused_before_anything_is_reserved(tmp_path: Any):
    document = {"cniVersion": "1.0.0", "name": "net", "ipam": {"subnet": "10.1.2.0/24", "dataDir": str(tmp_path)}}
    own = environment("ADD", CNI_NETNS="/proc/self/ns/net")
    answer = ours("host-local", own, document)
    assert (answer.said["code"], list(tmp_path.iterdir())) == (8, [])
    assert ours("host-local", own | {"CNI_NETNS_OVERRIDE": "1"}, document).code == 0


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("", "unexpected end of JSON input"),
        ("{not json", "invalid character 'n' looking for beginning of object key string"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b":2}', "invalid character '\"' after object key:value pair"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ("{} x", "invalid character 'x' after top-level value"),
        ("tru", "invalid character ' ' in literal true (expecting 'e')"),
        ('{"a":01}', "invalid character '1' after object key:value pair"),
        ('{"a":1.}', "invalid character '}' after decimal point in numeric literal"),
        ('{"a":"\n"}', "invalid character '\\n' in string literal"),
        ('{"a":"\\q"}', "invalid character 'q' in string escape code"),
        ("{'a':1}", "invalid character '\\'' looking for beginning of object key string"),
        ("{}\0", "invalid character '\\x00' after top-level value"),
    ],
)
def test_what_is_no_json_is_complained_of_in_the_references_words(text: str, sentence: str):
    assert syntax.complaint(text) == sentence


def test_of_a_character_of_several_bytes_the_first_is_complained_of():
    for text, shown in (("\ufeff{}", "ï"), ("é", "Ã"), ("\u0416", "Ð")):
        with pytest.raises(Unreadable, match=f"invalid character '{shown}' looking for beginning of value"):
            decode.parse(text.encode())


@pytest.mark.parametrize(
    "text, shown",
    [
        ("a b", '"a b"'),
        ('"\\', r'"\"\\"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\0\x1f\x7f", r'"\x00\x1f\x7f"'),
        ("é\u00a0\u2028\U0001f600\U000e0001", '"é\\u00a0\\u2028\U0001f600\\U000e0001"'),
        (b"x\xff".decode(errors="surrogateescape"), r'"x\xff"'),
    ],
)
def test_text_is_quoted_in_messages_as_the_reference_quotes_it(text: str, shown: str):
    """By the rules of Go's strconv.Quote; seen in the answers of the reference plugin to CNI_ARGS like these."""
    assert quoted(text) == shown


@pytest.mark.parametrize(
    "ipam, msg",
    [
        ({"subnet": 5, "gateway": "no"}, "number into Go struct field IPAMConfig.ipam.Range.subnet of type string"),
        ({"dataDir": 1.5, "subnet": "no"}, "invalid CIDR address: no"),
        ({"dataDir": 1.5}, "number into Go struct field IPAMConfig.ipam.dataDir of type string"),
        ({"ranges": [[{"subnet": []}]]}, "array into Go struct field Range.ipam.ranges.subnet of type string"),
        ({"ranges": {}}, "object into Go struct field IPAMConfig.ipam.ranges of type []allocator.RangeSet"),
        ({"routes": [{"gw": 5}]}, "number into Go struct field IPAMConfig.ipam.routes.gw of type net.IP"),
        (7, "number into Go struct field Net.ipam of type allocator.IPAMConfig"),
    ],
)
def test_what_is_read_by_itself_ends_the_reading_and_other_mismatches_wait(ipam: Any, msg: str):
    """encoding/json: a type with a reader of its own stops at once; of the rest the first mismatch is told at the end."""
    said = ours("host-local", environment("ADD"), {"cniVersion": "1.0.0", "name": "net", "ipam": ipam}).said
    assert said["msg"].removeprefix("json: cannot unmarshal ") == msg


def test_standard_input_that_cannot_be_read_is_an_input_output_failure():
    out = io.StringIO()
    code = skel.answer("host-local", {}, environment("ADD"), None, out, out)
    said = {"code": 5, "msg": "error reading from stdin: read /dev/stdin: bad file descriptor"}
    assert (code, json.loads(out.getvalue())) == (1, said)


@pytest.mark.parametrize("document", ["[]", "[1]", '"text"', "5"])
def test_a_document_that_is_no_object_is_refused_as_undecodable(document: str):
    answer = ours("host-local", environment("ADD"), document)
    assert answer.said["code"] == 6
    assert answer.said["msg"].startswith("error unmarshall network config: json: cannot unmarshal ")


def test_null_is_an_object_without_anything():
    assert ours("host-local", environment("ADD"), "null").said == {"code": 7, "msg": "missing network name"}


def test_a_field_is_found_in_any_case_and_the_first_mismatch_is_told():
    shape = decode.struct("main.Conf", {"mtu": decode.integer, "name": decode.text})
    assert decode.unmarshal({"MTU": 1400, "other": 1}, shape) == {"mtu": 1400}
    with pytest.raises(Unreadable, match=r"number 1\.5 into Go struct field Conf\.mtu of type int"):
        decode.unmarshal({"mtu": 1.5, "name": 7}, shape)


@pytest.mark.parametrize(
    "text, address",
    [
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("FD00::0:1", "fd00::1"),
        ("10.0.0.01", None),
        ("fe80::1%eth0", None),
        ("", None),
    ],
)
def test_addresses_are_read_as_the_reference_reads_them(text: str, address: str | None):
    assert (str(parse_ip(text)) if parse_ip(text) else None) == address


@pytest.mark.parametrize(
    "text, network",
    [("10.2.3.1/24", "10.2.3.1/24"), ("10.0.0.0/33", None), ("10.0.0.0", None), ("::ffff:10.0.0.0/120", "10.0.0.0/24")],
)
def test_networks_are_read_as_the_reference_reads_them(text: str, network: str | None):
    assert (str(parse_cidr(text)) if parse_cidr(text) else None) == network


def test_versions_compare_by_number_and_missing_parts_are_zero():
    assert numbers_of("1.0") == (1, 0, 0)
    assert at_least("0.10.0", "0.9.1")
    assert not at_least("0.3.1", "0.4.0")


NEWEST = {
    "cniVersion": "1.1.0",
    "interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:02", "mtu": 1450, "sandbox": "/run/netns/a"}],
    "ips": [
        {"interface": 0, "address": "10.244.1.2/24", "gateway": "10.244.1.1"},
        {"interface": 0, "address": "fd00:10:244:1::2/64", "gateway": "fd00:10:244:1::1"},
    ],
    "routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.1", "mtu": 1400}, {"dst": "::/0"}],
    "dns": {"nameservers": ["10.96.0.10"]},
}


def test_a_result_in_every_version_says_what_that_version_can_say():
    old = result.as_version(NEWEST, "0.2.0")
    assert old == {
        "cniVersion": "0.2.0",
        "ip4": {"ip": "10.244.1.2/24", "gateway": "10.244.1.1", "routes": [{"dst": "0.0.0.0/0", "gw": "10.244.1.1"}]},
        "ip6": {"ip": "fd00:10:244:1::2/64", "gateway": "fd00:10:244:1::1", "routes": [{"dst": "::/0"}]},
        "dns": {"nameservers": ["10.96.0.10"]},
    }
    middle = result.as_version(NEWEST, "0.4.0")
    assert [each["version"] for each in middle["ips"]] == ["4", "6"]
    assert middle["interfaces"] == [{"name": "eth0", "mac": "02:00:00:00:00:02", "sandbox": "/run/netns/a"}]
    assert result.as_version(NEWEST, "1.0.0") == NEWEST | {"cniVersion": "1.0.0"}


@pytest.mark.parametrize("version", VERSIONS[2:])
def test_there_and_back_again_a_result_of_these_versions_loses_only_the_mtu_of_interfaces(version: str):
    back = result.read(result.as_version(NEWEST, version), version)
    kept = [{key: value for key, value in each.items() if key != "mtu"} for each in NEWEST["interfaces"]]
    assert back | {"interfaces": kept} == NEWEST | {"interfaces": kept}


def test_what_old_versions_cannot_say_is_an_error_and_an_empty_resolver_is_left_out_from_1_0_0_on():
    empty = {"interfaces": [], "ips": [], "routes": [], "dns": {}}
    with pytest.raises(Unreadable, match="cannot convert: no valid IP addresses"):
        result.as_version(empty, "0.1.0")
    assert result.as_version(empty, "1.0.0") == {"cniVersion": "1.0.0"}
    assert result.as_version(empty, "0.4.0") == {"cniVersion": "0.4.0", "dns": {}}


def test_a_result_is_printed_four_deep_with_sorted_keys_from_1_0_0_on():
    text = result.printed(result.as_version(NEWEST, "1.0.0"))
    assert list(json.loads(text)) == ["cniVersion", "dns", "interfaces", "ips", "routes"]
    assert text.splitlines()[1] == '    "cniVersion": "1.0.0",'
    assert not text.endswith("\n")


def test_half_a_character_cannot_be_printed_and_is_replaced():
    assert result.printed({"msg": "\ud800<\u2028"}).splitlines()[1] == r'    "msg": "\ufffd\u003c\u2028"'


def test_every_version_reads_its_own_fields_only():
    both = {"ips": [{"address": "10.1.2.3/24"}], "ip4": {"ip": "10.1.2.4/24", "routes": [{"dst": "0.0.0.0/0"}]}}
    old, new = result.read(both, "0.2.0"), result.read(both, "1.0.0")
    assert [each["address"] for each in (*old["ips"], *new["ips"])] == ["10.1.2.4/24", "10.1.2.3/24"]
    assert (old["routes"], new["routes"]) == ([{"dst": "0.0.0.0/0"}], [])


def test_a_previous_result_must_be_of_the_configurations_own_family_of_versions():
    with pytest.raises(Unreadable, match=r"result type supports \[1\.0\.0 1\.1\.0\] but unmarshalled CNIVersion"):
        previous_result({"cniVersion": "1.0.0", "prevResult": {"cniVersion": "0.4.0"}})
    with pytest.raises(Unreadable, match=r"could not parse prevResult: result type supports \[ 0\.1\.0 0\.2\.0\] but"):
        previous_result({"prevResult": {"cniVersion": "0.4.0"}})
    with pytest.raises(Unreadable, match="could not parse prevResult: invalid CIDR address: x"):
        previous_result({"cniVersion": "1.0.0", "prevResult": {"cniVersion": "0.4.0", "ips": [{"address": "x"}]}})
    without = previous_result({"cniVersion": "1.0.0", "prevResult": {"ips": [{"address": "10.1.2.3/24"}]}})
    assert without is not None
    assert without["ips"] == [{"address": "10.1.2.3/24"}]


@pytest.mark.parametrize(
    "args, msg",
    [
        ("half", 'ARGS: invalid pair "half"'),
        ("A=1;B=2", 'ARGS: unknown args ["A=1" "B=2"]'),
        ("IP=x", 'ARGS: error parsing value of pair "IP=x": invalid IP address x'),
        (
            "IgnoreUnknown=2",
            'ARGS: error parsing value of pair "IgnoreUnknown=2": boolean unmarshal error: invalid input 2',
        ),
    ],
)
def test_arguments_that_nobody_understands_are_refused(args: str, msg: str):
    with pytest.raises(CniError) as refusal:
        arguments(args, {"IP": decode.requested_ip})
    assert refusal.value.msg == msg
