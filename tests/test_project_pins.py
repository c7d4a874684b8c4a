"""environment.yml, pyproject.toml, constraints.txt and what is installed say the same."""

import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RUN = {canonicalize_name(Requirement(line).name): Requirement(line) for line in PROJECT["dependencies"]}
TEST = {
    canonicalize_name(Requirement(line).name): Requirement(line) for line in PROJECT["optional-dependencies"]["test"]
}
CLIENT_NAMED = {"jupyterlab", "matplotlib", "networkx", "ipywidgets", "scapy", "nbval"}
CONDA = {"matplotlib-base": "matplotlib"}  # conda-forge's names where they differ; its "matplotlib" brings Qt along


def conda() -> list:
    return yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]


def conda_pins() -> dict[str, Requirement]:
    lines = [line for line in conda() if isinstance(line, str) and line != "pip" and not line.startswith("python=")]
    named = {canonicalize_name(Requirement(line).name): Requirement(line) for line in lines}
    return {CONDA.get(name, name): pin for name, pin in named.items()}


def constraints() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = [line.partition("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, _, version in pairs}


def test_binder_finds_the_python_version_because_it_is_written_with_a_single_equals_sign():
    assert "python=3.12" in conda()


def test_environment_yml_ends_with_the_project_itself():
    assert conda()[-1] == {"pip": ["-e ."]}


def test_conda_brings_no_window_toolkit():
    assert "matplotlib" not in {str(line).partition(">")[0] for line in conda()}


def test_no_binder_folder_hides_environment_yml():
    assert not (ROOT / "binder").exists()
    assert not (ROOT / ".binder").exists()


def test_environment_yml_holds_all_that_the_course_needs_to_run_and_all_that_the_client_named():
    assert set(conda_pins()) >= set(RUN)
    assert set(conda_pins()) >= CLIENT_NAMED


def test_every_pin_of_environment_yml_is_the_pin_of_pyproject():
    assert {name: pin.specifier for name, pin in conda_pins().items()} == {
        name: (RUN | TEST)[name].specifier for name in conda_pins()
    }


@pytest.mark.parametrize("name", [*RUN, *TEST])
def test_a_pin_has_a_lower_and_an_upper_bound(name):
    assert sorted(bound.operator for bound in (RUN | TEST)[name].specifier) == ["<", ">="]


@pytest.mark.parametrize("name", [*RUN, *TEST])
def test_the_constraint_is_one_version_within_the_pin(name):
    assert constraints()[name] in (RUN | TEST)[name].specifier


def test_every_package_that_is_installed_has_the_version_of_constraints_txt():
    installed = {canonicalize_name(found.name): found.version for found in metadata.distributions()}
    frozen = constraints()
    here = {name: installed[name] for name in frozen if name in installed}
    assert here == {name: frozen[name] for name in here}
    assert set(RUN) | set(TEST) <= set(here)


def needed_by(requirement: Requirement, seen: set[tuple[str, str]]) -> set[str]:
    """A requirement and all that it pulls in on this Python, as the installed packages say."""
    name = canonicalize_name(requirement.name)
    names = {name}
    for extra in ["", *requirement.extras]:
        if (name, extra) not in seen:
            seen.add((name, extra))
            for line in metadata.requires(name) or ():
                inner = Requirement(line)
                if inner.marker is None or inner.marker.evaluate({"extra": extra}):
                    names |= needed_by(inner, seen)
    return names


def test_whatever_a_dependency_pulls_in_is_frozen_too():
    pulled_in = {name for requirement in [*RUN.values(), *TEST.values()] for name in needed_by(requirement, set())}
    assert pulled_in - set(constraints()) == set(), "freeze again, as CONTRIBUTING.md says"


@pytest.mark.parametrize("python", ["3.11.0", "3.11.2", "3.12.0", "3.13.0"])
def test_a_frozen_version_installs_on_every_python_that_the_project_promises(python):
    """Debian 12 brings 3.11.2: a version that wants 3.11.5 would stop its users at the first command."""
    frozen = constraints()
    wants = {found.name: found.metadata.get("Requires-Python") for found in metadata.distributions()}
    refusing = {
        name: wanted
        for name, wanted in wants.items()
        if wanted and canonicalize_name(name) in frozen and python not in SpecifierSet(wanted)
    }
    assert refusing == {}


def test_every_dependency_is_defended_by_a_sentence_above_it():
    lines = [line.strip() for line in (ROOT / "pyproject.toml").read_text().splitlines()]
    for requirement in [*RUN.values(), *TEST.values()]:
        above = lines[next(n for n, line in enumerate(lines) if line.startswith(f'"{requirement.name}>=')) - 1]
        assert above.startswith("# "), requirement.name
        assert above.endswith("."), requirement.name
