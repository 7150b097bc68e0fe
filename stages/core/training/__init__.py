"""Fine-tuning a student: settings, batches, adapters, the loss, packing, checkpoints, progress;
run.py joins them.
"""
