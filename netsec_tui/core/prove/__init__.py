"""Prove the generated policy by evaluating it: for each row, and for everything that no row shows."""
