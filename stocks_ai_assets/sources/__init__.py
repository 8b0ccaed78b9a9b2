"""Facts from outside: ports, adapters, and the intake that quarantines bad rows."""
