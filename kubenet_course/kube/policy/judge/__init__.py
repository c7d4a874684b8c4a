"""One connection judged, and why."""
