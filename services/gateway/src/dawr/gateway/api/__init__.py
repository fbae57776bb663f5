"""Identity over HTTP, for programs; people have the pages."""
