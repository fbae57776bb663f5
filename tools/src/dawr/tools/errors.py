"""What the tools can't do, told to the person at the terminal.

ToolError
├── dawr.tools.cli.admin.AdminError
├── dawr.tools.cli.passes.KeysUnread
├── dawr.tools.embedded.errors.EmbeddedError
├── dawr.tools.mutants.plan.MutantError
└── dawr.tools.platform.errors.PlatformError
"""


class ToolError(Exception):
    """A failure told in one sentence that says what to do; `code` is stable, for programs and tests."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
