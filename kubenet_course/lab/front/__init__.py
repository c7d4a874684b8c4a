"""A small real proxy on loopback: real HTTP, real TLS, decided by the same objects as the model."""
