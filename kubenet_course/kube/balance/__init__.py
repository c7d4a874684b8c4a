"""What comes of a workload when the nodes of a cluster spread it over the pods behind one Service."""
