"""`kubenet policy`: what policies allow, and why. Each of these modules adds its commands to the group."""

from . import policy_matrix, policy_tools, policy_why
from .policy_matrix import command

__all__ = ["command", "policy_matrix", "policy_tools", "policy_why"]
