"""nftables: a second sort of rules, run by the same evaluator as those of iptables."""
