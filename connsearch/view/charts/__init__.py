"""Charts: what is shown is a value, described once; one renderer draws it for files and pages."""
