"""Pages for people who work with records: browse a view, run an operation, read a record's history."""
