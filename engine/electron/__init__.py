"""Takes over what the older Electron program of this name kept in its SQLite file, which it reads and never writes."""
