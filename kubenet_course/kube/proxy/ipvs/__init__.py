"""kube-proxy in IPVS mode: virtual servers do the balancing; ipsets and a few rules say who is masqueraded.

Deprecated since Kubernetes 1.35. Written from pkg/proxy/ipvs/proxier.go as of 1.36.
"""
