"""The report of a sweep: figures computed from records, sentences, drawings, the page."""
