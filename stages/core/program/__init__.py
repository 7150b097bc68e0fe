"""What every stage has: its command line, params, errors and files."""
