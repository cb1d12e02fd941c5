"""What is in a set of images: measured, laid out in tables, drawn."""
