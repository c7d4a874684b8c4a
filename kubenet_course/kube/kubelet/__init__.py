"""What the kubelet does with a pod: probes, phases, conditions, restarts, the order of an end."""
