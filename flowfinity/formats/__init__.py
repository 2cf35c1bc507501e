"""How a language writes dates, where Django's way is longer than a table has room for (FORMAT_MODULE_PATH)."""
