"""Results turned into HTML, Markdown, JSON and CSV."""
