"""Speed and memory of the product as users run it. `make benchmark` writes docs/performance.md."""
