"""What staff see, and nothing else."""
