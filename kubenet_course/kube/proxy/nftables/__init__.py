"""kube-proxy in nftables mode: one table of each family, in which maps lead from an address straight to its Service."""
