"""Mutants: the code broken on purpose, one way at a time, to see that the tests named for it notice.

`plan` is what is broken and who must notice; `scratch` is a copy of the repository in which it is broken;
`run` puts the two together.
"""
