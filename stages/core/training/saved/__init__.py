"""What a training run leaves: the student's folder, and the proof that it is what was trained."""
