"""The stages of the pipeline: one file per stage of dvc.yaml, named as there."""
