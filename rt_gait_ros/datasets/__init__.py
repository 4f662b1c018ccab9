"""How the field's data sets lie on disk, and how they are read; no network, no protocol."""
