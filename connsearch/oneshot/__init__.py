"""The one-shot search: connections and filters learned together, as a generator of events."""
