"""The reviewed rights: policy files on branch `main`, and what they decide."""
