"""An evolution retold from its history: lineages, operators, children."""
