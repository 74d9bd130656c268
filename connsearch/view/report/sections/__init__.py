"""The sections of the report, in the order of the page; each says nothing where it has nothing."""
