"""IPVS, the kernel's load balancer: virtual servers, their real servers, and how one is chosen (net/netfilter/ipvs/)."""
