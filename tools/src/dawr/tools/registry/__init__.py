"""The sandbox civil registry: a ministry's that Dawr does not own, played by one process. Its people are made up."""
