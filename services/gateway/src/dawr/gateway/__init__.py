"""The public entry: sign-in, the keys of access tokens, the way to the services, and the pages that explain them."""
