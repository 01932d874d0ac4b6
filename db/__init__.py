"""Rows in SQLite, and nothing else: connections, migrations, one module of queries a table."""
