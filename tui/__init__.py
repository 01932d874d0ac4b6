"""The front ends. They ask the engine, never the database."""
