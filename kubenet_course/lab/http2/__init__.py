"""Real HTTP/2 on loopback: pods that serve it, a Service that spreads connections, a client that counts who answers."""
