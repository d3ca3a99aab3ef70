"""The rules that ship, one file per family. They are loaded by `validator.loading`, never imported."""
