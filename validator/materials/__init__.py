"""What each situation offers to rules."""
