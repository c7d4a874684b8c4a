"""Ways to serve Services without rules that a kernel walks: the removed userspace mode, Windows, eBPF programs."""
