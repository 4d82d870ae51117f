"""Tables: rows, schema, labels, categories, dates, numbers; in memory or streamed."""
