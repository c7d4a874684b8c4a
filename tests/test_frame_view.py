"""A frame as a table: every field with its bytes, what changed marked by more than a colour."""

import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from kubenet_course.linux.packet.packet import Arp, Flow, Frame, Icmp, Packet, Quote, Udp, Vxlan, lowered, tcp
from kubenet_course.linux.packet.wire import frame_bytes
from kubenet_course.views.story.frame import INK, TINTS, frame_table

CLIENT, BRIDGE, SERVER = "02:42:0a:f4:01:0a", "02:42:0a:f4:01:01", "02:42:0a:f4:02:14"
REQUEST = tcp("10.244.1.10", 40000, "10.96.0.10", 80, payload=b"<b>&")
SENT = Frame(CLIENT, BRIDGE, REQUEST)
TRANSLATED = replace(REQUEST, flow=replace(REQUEST.flow, dst="10.244.2.20", dport=8080))
ROUTED = Frame(BRIDGE, SERVER, lowered(TRANSLATED))
NODES = Flow("udp", "192.168.1.11", 40000, "192.168.1.12", 8472)
TUNNELLED = Frame(BRIDGE, SERVER, Packet(NODES, Udp(False), Vxlan(1, ROUTED), df=False))


def changes(frame, before) -> dict[str, str]:
    rows = frame_table(frame, before).rows
    return {f"{row.field.layer} {row.field.name}": row.was for row in rows if row.was}


def test_a_routed_and_translated_packet_shows_what_became_of_each_field():
    changed = changes(ROUTED, SENT)
    sums = [changed.pop("IPv4 header checksum"), changed.pop("TCP checksum")]
    assert all(re.fullmatch("0x[0-9a-f]{4}", text) for text in sums)
    assert changed == {
        "Ethernet destination": BRIDGE,
        "Ethernet source": CLIENT,
        "IPv4 TTL": "64",
        "IPv4 destination": "10.96.0.10",
        "TCP destination port": "80",
    }


def test_a_tunnel_is_new_around_a_frame_that_stays_itself():
    table = frame_table(TUNNELLED, ROUTED)
    new = {row.field.layer for row in table.rows if row.was == "new"}
    assert new == {"Ethernet", "IPv4", "UDP", "VXLAN"}
    assert {row.was for row in table.rows} == {"new", ""}
    assert table.gone == []


def test_headers_that_a_tunnels_end_takes_off_are_named():
    table = frame_table(ROUTED, TUNNELLED)
    assert table.gone == ["Ethernet", "IPv4", "UDP", "VXLAN"]
    assert table.caption == "A frame of 58 bytes, unchanged; gone: Ethernet, IPv4, UDP, VXLAN."


def test_an_errors_quote_is_compared_with_the_packet_that_it_is_about():
    error = Packet(Flow("icmp", "10.244.1.1", 0, "10.244.1.10", 0x0B00), Icmp(), Quote(replace(REQUEST, ttl=1), 44))
    changed = changes(Frame(BRIDGE, CLIENT, error), SENT)
    quoted = {name: was for name, was in changes(Frame(BRIDGE, CLIENT, error), SENT).items() if "quoted" in name}
    assert set(quoted) == {"quoted IPv4 TTL", "quoted IPv4 header checksum"}
    assert changed["IPv4 TTL"] == "new"


def test_the_same_frame_is_unchanged_and_a_frame_alone_has_no_marks():
    assert changes(SENT, SENT) == {}
    assert "was" not in str(frame_table(SENT))
    assert "*" not in str(frame_table(SENT))


def test_text_has_a_line_for_each_field_with_offset_bytes_and_value():
    lines = [re.split(r"\s{2,}", line.strip("* ")) for line in str(frame_table(ROUTED, SENT)).splitlines()]
    assert ["TTL", "22", "3f", "63", "was 64"] in lines
    assert ["version", "14 (4 bits)", "45", "4"] in lines
    assert ["destination port", "36", "1f 90", "8080", "was 80"] in lines
    assert ["TCP"] in lines


def test_repr_is_one_line_for_each_header():
    assert repr(frame_table(TUNNELLED)).splitlines() == [
        "A frame of 108 bytes.",
        f"     0-13  Ethernet: {BRIDGE} > {SERVER}",
        "    14-33  IPv4: 192.168.1.11 > 192.168.1.12",
        "    34-41  UDP: 40000 > 8472",
        "    42-49  VXLAN: VNI 1",
        f"    50-63  inner Ethernet: {BRIDGE} > {SERVER}",
        "    64-83  inner IPv4: 10.244.1.10 > 10.244.2.20",
        "   84-103  inner TCP: 40000 > 8080",
        '  104-107  inner Data: data "<b>&"',
    ]


class Seen(HTMLParser):
    """Which tags are open where, all styles, and the text."""

    def __init__(self, html: str):
        super().__init__()
        self.open, self.styled, self.text, self.scopes = [], [], [], []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        assert tag not in ("style", "script", "link", "img"), "JupyterLab strips them, or they load something"
        attrs = dict(attrs)
        assert not {name for name in attrs if name.startswith("on") or name in ("class", "id", "href", "src")}
        self.open.append(tag)
        self.styled.append((tag, attrs.get("style", "")))
        self.scopes += [attrs["scope"]] if tag == "th" else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


FRAMES = {
    "routed": (ROUTED, SENT),
    "tunnelled": (TUNNELLED, ROUTED),
    "arp": (Frame(CLIENT, "ff:ff:ff:ff:ff:ff", Arp(1, CLIENT, "10.0.0.1", "00:00:00:00:00:00", "10.0.0.2")), None),
    "garbage": (bytes(range(33)), b"\0" * 60),
    "nothing": (b"", None),
}


@pytest.mark.parametrize("name", FRAMES)
def test_html_is_a_table_that_every_reader_can_read(name):
    frame, before = FRAMES[name]
    html = frame_table(frame, before)._repr_html_()
    seen = Seen(html)
    assert seen.open == []
    assert [tag for tag, _ in seen.styled].count("caption") == 1
    heads = {"col", "rowgroup", "row"} if frame else {"col"}
    assert set(seen.scopes) == heads
    assert html == frame_table(frame, before)._repr_html_()


@pytest.mark.parametrize("name", FRAMES)
def test_every_coloured_place_sets_ink_and_paper_so_that_any_theme_will_do(name):
    for _, style in Seen(frame_table(*FRAMES[name])._repr_html_()).styled:
        assert ("background:" in style) == (";color:" in style)


def luminance(colour: str) -> float:
    """WCAG 2.1, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("tint", TINTS)
def test_ink_on_each_tint_has_the_contrast_of_wcag_aaa(tint):
    assert (luminance(tint) + 0.05) / (luminance(INK) + 0.05) >= 7


def test_what_changed_is_told_by_words_and_shape_too():
    html = frame_table(ROUTED, SENT)._repr_html_()
    assert re.search(r'<th scope="row" style="[^"]*font-weight:bold;text-decoration:underline">\* TTL</th>', html)
    assert "was 64" in html
    assert re.search(r'<span style="[^"]*underline">3f</span>', html)
    assert "&lt;b&gt;&amp;" in html


def test_the_dump_shows_every_byte_of_a_short_frame_and_says_what_it_leaves_out_of_a_long_one():
    dump = re.search("<pre[^>]*>(.*)</pre>", frame_table(SENT)._repr_html_(), re.DOTALL).group(1)
    lines = re.sub("<[^>]*>", "", dump).splitlines()
    assert [line[:4] for line in lines] == ["0000", "0010", "0020", "0030"]
    assert bytes.fromhex("".join(line[4:] for line in lines)) == frame_bytes(SENT)
    long = Frame(CLIENT, BRIDGE, tcp("10.0.0.1", 1, "10.0.0.2", 2, payload=bytes(1000)))
    assert "... and 670 bytes more" in frame_table(long)._repr_html_()
