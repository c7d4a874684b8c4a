"""Policies as rules that a kernel enforces."""
