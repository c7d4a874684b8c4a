"""What holds in which version, with a slider."""
