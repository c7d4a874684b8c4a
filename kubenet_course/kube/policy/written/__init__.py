"""Policies as they are written: kinds, checks, defaults, and what a person writes on a command line."""
