"""The report's figures and data for `dvc plots`."""
