"""Protocols, metrics, plots and benchmark rows."""
