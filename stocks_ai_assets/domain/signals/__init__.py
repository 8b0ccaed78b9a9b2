"""Point-in-time signals: one module per table. A signal reads the past of one symbol."""
