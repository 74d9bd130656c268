"""Work on whole data sets: check, pack, convert, summarise."""
