"""What a wheel carries besides the package: the data and the notebooks with their masters, which a checkout has at its top."""

from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SHIPPED = {"data": "kubenet_course/shipped/data", "notebooks": "kubenet_course/shipped/notebooks"}


class Ship(BuildHookInterface):
    """An editable installation reads the checkout itself and gets no copy."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_data["force_include"].update(SHIPPED)
