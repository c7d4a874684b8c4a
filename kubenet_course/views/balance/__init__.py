"""Schedulers side by side: one workload, and what each of them makes of it."""
