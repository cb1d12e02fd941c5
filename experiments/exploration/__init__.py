"""What is in a set of pictures: measured, laid out in tables, drawn."""
