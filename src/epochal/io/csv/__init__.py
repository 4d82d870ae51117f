"""The CSV reader: quotes, headers, encodings, types, diagnostics."""
