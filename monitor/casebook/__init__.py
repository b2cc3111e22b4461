"""Keeps the cases and owes the alerts. Read `book.py` first."""

from monitor.casebook.book import Casebook
from monitor.casebook.opening import CasebookError, open_casebook
from monitor.casebook.reconcile import Changes
from monitor.casebook.records import Moment, Note

__all__ = ["Casebook", "CasebookError", "Changes", "Moment", "Note", "open_casebook"]
