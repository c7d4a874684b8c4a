"""What a policy says and its author probably did not mean."""
