"""Sets of addresses and ports that rules ask by `-m set` (net/netfilter/ipset/, ipset(8))."""
