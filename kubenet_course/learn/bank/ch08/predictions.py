"""What chapter 08 asks before it shows it."""

from ...questions.question import SO, Question, named

PREDICTIONS = ()
