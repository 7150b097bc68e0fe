"""Fine-tuning examples of all targets of a teacher, over one matched set of rows."""
