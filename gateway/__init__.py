"""The words everybody shares, and the only door by which a lamp's message enters. Read `intake.py` first."""
