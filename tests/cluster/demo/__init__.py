"""The demo recorded anew: its calls made for real, and what the kernel cannot tell added and marked."""
