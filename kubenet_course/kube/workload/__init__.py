"""What looks after many pods: ReplicaSets, Deployments, drains, lost nodes, and the clients who feel it."""
