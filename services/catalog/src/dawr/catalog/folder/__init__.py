"""A catalogue as a folder of CSV files: read, checked, and turned into what the domain knows.

The shipped seed (`dawr/catalog/seed`) is such a folder; a ministry of another country brings its own.
"""
