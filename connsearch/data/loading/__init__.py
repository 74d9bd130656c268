"""From records to batches: files looked at once, and read beside the training."""
