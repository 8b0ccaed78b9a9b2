"""Proofs that a stored number depends on nothing that was not known at its session."""
