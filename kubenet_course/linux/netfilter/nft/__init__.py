"""nftables: a ruleset as data, its text and JSON forms, and its statements, which the same evaluator runs as iptables' ones."""
