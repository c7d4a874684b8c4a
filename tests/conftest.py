"""How many random rule sets are compared with the real kernel."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kubenet")
    group.addoption("--live", type=int, default=20, metavar="N", help="rule sets to compare with the real kernel (20)")
