"""Chaibub Neto (2018): its figures, networks, quantities, claims, open choices and plots."""
