"""Video to clips: data sets, the decoder, whole-clip augmentation and repeatable batches."""
