"""What can be known of a profile before anything of it is paid for, from configs, tokenizers and first rows alone."""
