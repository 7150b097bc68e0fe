"""Students' folders: weights and tokenizer."""
