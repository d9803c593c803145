"""The Complete Journey: a year of purchases of some thousand households."""
