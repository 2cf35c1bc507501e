"""Django's admin, for integration: nothing as yet. What is open to REST is changed on our own pages, in `configure`."""
