"""What chapter 10 asks before it shows it."""

PREDICTIONS = ()
