"""Which options of a SYN are agreed to. Expected bytes: tcp_options_write's order; live: random options on the real kernel."""

import pytest

from kubenet_course.linux.stack.tcp_options import agreed

MSS = "020405b4"
SACK, SCALE, STAMP = "0402", "030307", "080a0102030400000000"


@pytest.mark.parametrize(
    "story, options, expected",
    [
        ("nothing but a segment size", MSS, MSS),
        ("no options at all", "", MSS),
        ("what Linux sends", MSS + SACK + STAMP + "01" + SCALE, MSS + "01010402" + "01030307"),
        ("only a scale", "01" + SCALE, MSS + "01030307"),
        ("only selective acknowledgments", "0101" + SACK, MSS + "01010402"),
        ("the list ends before the scale", MSS + "00" + SCALE, MSS),
        ("a length that cannot be ends the list", MSS + "0400" + SCALE, MSS),
        ("longer than what is left", MSS + "0309", MSS),
        ("a wrong length for its kind is passed over", "030407ff" + SACK, MSS + "01010402"),
        ("a kind that nobody knows is passed over", "fd04abcd" + SCALE, MSS + "01030307"),
    ],
)
def test_the_answer_has_what_was_offered_and_can_be_done(story, options, expected):
    assert agreed(bytes.fromhex(options), 1460).hex() == expected, story
