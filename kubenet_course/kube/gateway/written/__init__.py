"""What the API server refuses in Gateways, routes and Ingresses, in its own words."""
