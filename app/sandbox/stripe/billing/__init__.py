"""Invoices: what goes onto them, when, and how they are paid."""
