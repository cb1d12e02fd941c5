"""What the report of a sweep is made of: figures from records, sentences, drawings, the page."""
