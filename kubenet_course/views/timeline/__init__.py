"""The life of a pod as lanes along a line of time, and the controls that change it."""
