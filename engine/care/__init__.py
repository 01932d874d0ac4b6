"""Looks after what is kept: makes room, tells what takes it, keeps copies of the database and puts one back."""
