"""What came of a check, in the forms that people, CI systems and forges read."""
