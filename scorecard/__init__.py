"""Judges the judge: simulated worlds through the real monitor, its cases against what really happened."""
