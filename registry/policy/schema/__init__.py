"""The shape of each kind of policy file, in the words an editor shows."""
