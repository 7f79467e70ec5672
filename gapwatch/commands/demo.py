"""`gapwatch demo`: see all of it work, in a minute, with nothing but this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gapwatch.commands.options import Language, LanguageOption

if TYPE_CHECKING:
    from gapwatch.config import Config


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("demo", epilog="Exit codes: 0 done, 2 the folder, port or browser cannot be had, 3 own trouble.")(demo)


def demo(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where store, metrics and report go.")] = Path("var/demo"),
    serve: Annotated[
        bool, typer.Option("--serve", help="Then keep probing, with status page and metrics, until Ctrl-C.")
    ] = False,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Where --serve answers; port 0 takes a free one.")
    ] = "127.0.0.1:9464",
    lang: LanguageOption = Language.EN,
) -> None:
    """Start two demo portals, probe them, keep the runs, and set them beside a published survey.

    One portal is as citizens found it in the survey: heavy, slow, with forms that fail and ask twice. The other
    follows the survey's advice. A synthetic study of twelve portals shows what an association looks like.

    [bold]Example[/bold]:  gapwatch demo --out /tmp/look --serve
    """
    import asyncio
    import logging

    from gapwatch.demo import prepare
    from gapwatch.logs import set_up_logs

    set_up_logs(logging.ERROR)
    asyncio.run(_able(listen if serve else None))
    prepare(out)
    asyncio.run(_demo(out, serve, listen, lang))


async def _able(listen: str | None) -> None:
    """What would spoil the demonstration later is told before anything is written."""
    from gapwatch.config_file import split_listen
    from gapwatch.daemon import bind
    from gapwatch.probing import require_engines
    from probes import Probes

    if listen is not None:
        try:
            address = split_listen(listen)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--listen") from None
        bind(address, "--listen").close()
    async with Probes() as probes:
        await require_engines(probes, ["chromium"], "demo")


async def _demo(out: Path, serve: bool, listen: str, lang: Language) -> None:
    from gapwatch.demo import demo_portals, probe_rounds, write_demo_config

    _say("starting the demo portals")
    async with demo_portals() as addresses:
        config = write_demo_config(out, addresses, listen)
        await probe_rounds(config, out)
        _report(config, out, lang)
        if serve:
            await _serve(config)


def _report(config: Config, out: Path, lang: Language) -> None:
    from concurrent.futures import ProcessPoolExecutor
    from multiprocessing import get_context

    from gapwatch.associations import print_associations
    from gapwatch.comparisons import print_comparison
    from gapwatch.demo import compare_demo, demo_inputs, link_demo, summary_rows, synthetic_demo
    from gapwatch.surveys import print_link, write_outputs
    from gapwatch.tables import print_summary

    _say("setting the measurements beside the survey, and a synthetic study whose truth is known beside its own")
    # Two reports on two cores: the second is drawn by a process of its own.
    pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
    coming = pool.submit(synthetic_demo, out / "synthetic")
    result = link_demo(config, out)
    page = write_outputs(demo_inputs(config), result, out / "report", out / "bundle.zip")
    print_summary(summary_rows(config), lang.value)
    print_link(result, lang.value)
    print()
    print_comparison(compare_demo(config), lang.value, short=True)
    print()
    look = coming.result()
    pool.shutdown()
    print_associations(look.result, lang.value, choices=False)
    print(look.verdict(lang.value))
    print()
    places = (
        ("report", page),
        ("bundle", out / "bundle.zip"),
        ("synthetic", look.page),
        ("store", out / "store.db"),
        ("metrics", out / "metrics.prom"),
    )
    for what, path in places:
        print(f"{what:9} {path}")


async def _serve(config: Config) -> None:
    import logging

    from gapwatch.daemon import Daemon
    from gapwatch.logs import set_up_logs

    formatter = set_up_logs(logging.INFO)
    _say("probing goes on; Ctrl-C ends it")
    await Daemon(config, formatter).serve()


def _say(message: str) -> None:
    import sys

    print(f"gapwatch: {message}", file=sys.stderr, flush=True)
