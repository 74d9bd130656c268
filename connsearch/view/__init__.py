"""What people look at: pictures of structures, plots of runs, tables."""
