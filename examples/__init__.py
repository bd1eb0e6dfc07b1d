"""Small applications to run and to read."""
