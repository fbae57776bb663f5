"""Tables of the gateway, a file for each room of them."""
