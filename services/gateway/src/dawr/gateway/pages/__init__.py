"""The pages of the gateway: what runs, what can be asked, what the problem codes mean."""
