"""What makes it a course: prediction, feedback, progress."""
