"""Fixtures for pytest that start Claviger in the place of AWS IAM Identity Center."""

from .instance import Claviger, ClavigerError

__all__ = ["Claviger", "ClavigerError"]
