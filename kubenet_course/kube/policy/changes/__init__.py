"""What a change of policies changes, which change would do, what must hold."""
