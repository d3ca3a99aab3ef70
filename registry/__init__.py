"""Waybill: a private Python package registry whose books are a git repository."""

__version__ = "0.1.0"
