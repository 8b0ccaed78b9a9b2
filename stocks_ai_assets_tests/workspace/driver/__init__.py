"""What runs inside a run's file system, as `databricks_driver`; imports nothing of this project."""
