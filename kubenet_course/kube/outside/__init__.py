"""What stands before a cluster: balancers as machines of their own, health checks, and the table of all ways in."""
