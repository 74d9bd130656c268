"""How people see that long work goes on: on a terminal, in a notebook and in a pipe."""
