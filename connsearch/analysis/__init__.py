"""How sure are we: what is measured about a searched network, and what it is compared with."""
