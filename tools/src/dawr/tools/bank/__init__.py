"""The sandbox bank: a payment company that Dawr does not own, played by one process.

Everything that a merchant may rely on is in README.md beside this file.
"""
