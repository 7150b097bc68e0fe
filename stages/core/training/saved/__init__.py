"""What a training run leaves, and the proof that it is what was trained."""
