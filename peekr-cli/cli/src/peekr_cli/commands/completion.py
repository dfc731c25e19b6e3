"""``peekr completion``: the script that completes peekr's commands and options in a shell."""

from __future__ import annotations

from typing import Any

import click

_SHELLS = ("bash", "zsh", "fish")
_VARIABLE = "_PEEKR_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(_SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    \b
    bash: echo 'eval "$(peekr completion bash)"' >> ~/.bashrc
    zsh:  echo 'eval "$(peekr completion zsh)"' >> ~/.zshrc
    fish: peekr completion fish > ~/.config/fish/completions/peekr.fish
    """
    from click.shell_completion import get_completion_class

    kind: Any = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"click {click.__version__} knows no completion for {shell}.")
    script = kind(context.find_root().command, {}, "peekr", _VARIABLE)
    # not source(): that of bash starts a bash, to see how old it is
    click.echo(script.source_template % script.source_vars())
