"""All connections at once, as sets of classes."""
