"""What several stages share. Imports go downward only: core never imports a stage."""
