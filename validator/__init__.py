"""The validator: rules as plain functions with asserts. A rule file needs `rule` and `skip`, and nothing else."""

from validator.rule import rule, skip

__all__ = ["rule", "skip"]
