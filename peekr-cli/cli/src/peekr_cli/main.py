"""The ``peekr`` command: a click group whose sub-commands are plugins.

Every user error ends here, as one or two sentences on stderr and exit code 1 (2 for a wrong command line).
"""

from __future__ import annotations

import errno
import os
import sys
from typing import Any, List, Optional

import click

from peekr.errors import PeekrError
from peekr.terminal import neutral
from peekr_cli.lazy import Commands, Failure, entry_points, missing
from peekr_cli.terminal import neutral_lines, show_warnings

_HOOKS = "peekr.hooks"
#: What a full or broken disk says of a file that was open already.
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
#: What a shell reports for a program that Ctrl-C ended.
_INTERRUPTED = 130


class PeekrGroup(click.Group):
    """Looks sub-commands up among the installed plugins, after those added by hand.

    :param plugins: the commands by name; those installed by default.
    """

    def __init__(self, *args: Any, plugins: Optional[Commands] = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._plugins = plugins
        self._assembled = False

    @property
    def plugins(self) -> Commands:
        """The installed commands; read from metadata on first use."""
        if self._plugins is None:
            self._plugins = Commands()
        return self._plugins

    def list_commands(self, ctx: click.Context) -> List[str]:
        """Return every name, without importing what bears it."""
        return sorted({*super().list_commands(ctx), *self.plugins.names()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> Optional[click.Command]:
        """Import one command. A broken one stands in the list too, and says why when it is called."""
        found = super().get_command(ctx, cmd_name) or self.plugins.load(cmd_name)
        return _broken(found) if isinstance(found, Failure) else found

    def resolve_command(self, ctx: click.Context, args: List[str]) -> Any:
        """Find the command; of one that another distribution of ours has, say which."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            absent = missing(args[0])
            if absent is None:
                raise
            raise click.UsageError(str(absent), ctx) from None

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run; plugins of ``peekr.hooks`` first have their say about this group."""
        if not self._assembled:
            self._assembled = True
            run_cli_hooks(self)
        return super().main(*args, **kwargs)

    def invoke(self, ctx: click.Context) -> None:
        """Run the sub-command; turn what the user did wrong into a sentence."""
        try:
            super().invoke(ctx)  # what a command returns is no exit code
        except PeekrError as error:
            raise Sentence(str(error)) from error
        except BrokenPipeError:  # `peekr view | head`: the reader has seen enough
            raise click.exceptions.Exit(0) from None
        except OSError as error:
            if error.filename is None and error.errno not in _DISK:
                raise
            if error.filename is None:
                raise Sentence(f"the output cannot be written: {error.strerror}.") from error
            raise Sentence(f"cannot read or write {error.filename}: {error.strerror or error}.") from error


class Sentence(click.ClickException):
    """A user error; its text may come from a trace or a file name, so it is made harmless."""

    def __init__(self, message: str) -> None:
        super().__init__(neutral_lines(message))


def _broken(failure: Failure) -> click.Command:
    @click.command(
        failure.name,
        help=f"(cannot be loaded: {failure.reason})",
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
    )
    def command() -> None:
        raise Sentence(failure.message)

    return command


def run_cli_hooks(group: click.Group) -> None:
    """Call the hook ``peekr_cli`` of every plugin that implements it; one that fails is named, and skipped."""
    if not entry_points(_HOOKS):
        return
    import pluggy

    from peekr import hookspecs
    from peekr.plugins import load_group

    manager = pluggy.PluginManager("peekr")
    manager.add_hookspecs(hookspecs)
    for name, plugin in load_group(_HOOKS):
        try:
            manager.register(plugin, name)
        except Exception as error:
            click.echo(neutral(f"peekr: the plugin {name!r} is skipped: {error}"), err=True)
    for implementation in manager.hook.peekr_cli.get_hookimpls():
        try:
            implementation.function(*[group][: len(implementation.argnames)])
        except Exception as error:
            who, what = implementation.plugin_name, f"{type(error).__name__}: {error}"
            click.echo(neutral(f"peekr: the hook peekr_cli of {who!r} failed: {what}"), err=True)


def _version(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        import peekr

        click.echo(f"peekr {peekr.__version__}")
        ctx.exit()


# without a command, click's own answer is exit code 0 or 2, as its version is
@click.group(cls=PeekrGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """See what your LLM program did: its calls, tools, tokens, time and errors, as a tree.

    \b
    peekr demo
    peekr view --io traces.jsonl
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(argv: Optional[List[str]] = None) -> None:
    """Run the command and exit; the console script, ``python -m peekr`` and ``python -m peekr.cli`` come here."""
    show_warnings()
    if sys.stdout is None:  # closed by the shell: >&-
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    code = _run(argv)
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unwritten(error) or code
        # the interpreter flushes at exit too, and would complain
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _unwritten(error: OSError) -> int:
    """What was printed did not arrive: no fault where the reader has seen enough, else said."""
    if isinstance(error, BrokenPipeError):
        return 0
    click.echo(f"Error: the output cannot be written: {error.strerror or error}.", err=True)
    return 1


def _run(argv: Optional[List[str]]) -> int:
    try:
        result = cli.main(argv, prog_name="peekr", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _INTERRUPTED
    return result if isinstance(result, int) else 0


if __name__ == "__main__":
    main()
