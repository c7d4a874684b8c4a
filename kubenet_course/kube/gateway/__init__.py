"""What leads requests into a cluster: Gateways and their routes, Ingresses; objects in, decisions out."""
