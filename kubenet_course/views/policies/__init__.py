"""NetworkPolicy to look at: who may ask whom, what decided, and switches for every rule."""
