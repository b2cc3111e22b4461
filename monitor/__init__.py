"""Judges the lamps from the store, keeps the cases, tells the people. Read `judge.py` first."""
