"""NetworkPolicy and ClusterNetworkPolicy: who may open a connection to whom, and which clause says so."""
