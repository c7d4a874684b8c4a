"""Every colour can be read on its ground, in light and in dark; sizes are those that a narrow window still shows."""

import pytest

from kubenet_course.views.drawing import theme


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("text, ground", theme.TEXT_PAIRS, ids="-on-".join)
def test_text_stands_out_from_its_ground(palette, text, ground):
    assert theme.contrast(palette[text], palette[ground]) >= 4.5


@pytest.mark.parametrize("palette", [theme.LIGHT, theme.DARK], ids=["light", "dark"])
@pytest.mark.parametrize("line, ground", theme.LINE_PAIRS, ids="-on-".join)
def test_a_line_that_means_something_stands_out(palette, line, ground):
    assert theme.contrast(palette[line], palette[ground]) >= 3


@pytest.mark.parametrize(
    "one, other, expected", [("#000000", "#ffffff", 21.0), ("#ffffff", "#ffffff", 1.0), ("#767676", "#ffffff", 4.54)]
)
def test_contrast_is_counted_as_wcag_counts_it(one, other, expected):
    assert round(theme.contrast(one, other), 2) == expected


def test_light_and_dark_name_the_same_colours():
    assert theme.LIGHT.keys() == theme.DARK.keys()


def test_a_name_that_is_too_long_keeps_its_ends():
    short = theme.shortened("web-6d4cf56db6-x7k2p", 100, 13)
    assert short.startswith("web-") and short.endswith("k2p") and "…" in short
    assert theme.width_of(short, 13) <= 100


def test_a_name_that_fits_stays_whole():
    assert theme.shortened("client", 100, 13) == "client"
