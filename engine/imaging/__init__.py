"""Pure functions on pictures: no database, no network, safe to repeat."""
