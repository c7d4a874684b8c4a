"""What a machine does. Knows no Kubernetes word."""
