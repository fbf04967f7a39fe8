"""What is done with the model: pure functions, one verb a module."""
