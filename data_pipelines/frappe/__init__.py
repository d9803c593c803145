"""Frappe: the use of mobile apps and the situation that it happens in."""
