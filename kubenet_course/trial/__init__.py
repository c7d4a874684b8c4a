"""Programs that a learner has written, run apart: a process of its own, limits, and no reach beyond a scratch folder."""
