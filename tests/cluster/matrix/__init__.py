"""The evaluator held against the kernel: states of policies, questions as packets, and the differences."""
