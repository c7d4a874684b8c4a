"""What is seen of requests from outside: the ways in, and what Gateways make of a request."""
