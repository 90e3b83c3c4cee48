"""The command line `straighttalk`."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import typer

from core.memory import keep_freed
from tts.cli import flags
from tts.cli.messages import explain, tell


def build() -> typer.Typer:
    """Put the commands together."""
    from tts.cli import (
        alignments,
        convert,
        demo,
        doctor,
        evaluate,
        features,
        likelihood,
        models,
        package,
        reflow,
        say,
        search_grid,
        serve,
        show_text,
        straightness,
        train,
        vocode,
        voices,
    )

    app = typer.Typer(
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        # `--sentence_silence` is `--sentence-silence`.
        context_settings={
            "token_normalize_func": lambda token: token.replace("_", "-"),
            "help_option_names": ["-h", "--help"],
        },
    )

    @app.callback()
    def straighttalk(version: flags.Version = False, debug: flags.Debug = False) -> None:
        """Text to speech along straight paths.

        Start with: straighttalk say "Hello, world." -o hello.wav
        """
        keep_freed()

    app.command("say", help=say.EXAMPLES)(say.say)
    app.command("demo", help=demo.EXAMPLES)(demo.demo)
    app.command("serve", help=serve.EXAMPLES)(serve.serve)
    app.command("text")(show_text.show_text)
    app.command("vocode", help=vocode.EXAMPLES)(vocode.vocode)
    app.command("convert", help=convert.EXAMPLES)(convert.convert)
    app.command("voices")(voices.voices)
    app.command("models")(models.models)
    app.command("doctor")(doctor.doctor)
    app.command("features")(features.features)
    app.command("alignments", help=alignments.EXAMPLES)(alignments.alignments)
    app.command("train", help=train.EXAMPLES)(train.train)
    app.command("reflow", help=reflow.EXAMPLES)(reflow.reflow)
    app.command("search-grid", help=search_grid.EXAMPLES)(search_grid.search_grid)
    app.command("straightness", help=straightness.EXAMPLES)(straightness.straightness)
    app.command("likelihood", help=likelihood.EXAMPLES)(likelihood.likelihood)
    app.command("package")(package.package)
    app.command("evaluate", help=evaluate.EXAMPLES)(evaluate.evaluate)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run a command line.

    Args:
        arguments: Without the program's name.

    Returns:
        0, 1 for a failure, 2 for a mistake in the arguments, 130 when interrupted.
    """
    debug = "--debug" in arguments
    try:
        status = build()(args=list(arguments), prog_name="straighttalk", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return 130
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except Exception as error:
        if debug:
            import traceback

            traceback.print_exc()
        known = explain(error)
        if known is None:
            about = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            tell(f"error: straighttalk failed, which is its own fault ({about}); see --debug")
            return 1
        tell(f"error: {known[0]}")
        if known[1] == 2:
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "straighttalk"
            tell(f"{command} --help shows what is allowed")
        return known[1]


def main() -> None:
    """Entry point of the command `straighttalk`."""
    for stream in (sys.stdout, sys.stderr):
        # A console that cannot show a phoneme must not end the program.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    with contextlib.suppress(ValueError):
        signal.signal(signal.SIGTERM, _terminated)
    sys.exit(run(sys.argv[1:]))


def _terminated(number: int, frame: FrameType | None) -> None:
    """End through the `finally` clauses, which remove what is half-written."""
    sys.exit(128 + number)
