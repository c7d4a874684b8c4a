"""The prober on real sockets: the kubelet's decisions, asked of real servers on loopback."""
