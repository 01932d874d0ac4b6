"""Getting the work out: workbooks, archives, sheets for stock agencies. Reads pictures and rows, changes neither."""
