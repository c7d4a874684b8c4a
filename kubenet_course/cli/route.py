"""`kubenet route`: what leads requests into a cluster. Each of these modules adds its commands to the group."""

from . import route_translate, route_why
from .route_why import command

__all__ = ["command", "route_translate", "route_why"]
