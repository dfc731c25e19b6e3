"""Plugins of strangers: found by their entry points, chosen, and never trusted (PKG-6, IFACE-1, IFACE-4, IFACE-7).

Each test installs a distribution as pip would leave it and runs a program that uses it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

#: Threads print at once: a line is one write.
SAY = """
    import sys, threading
    def say(*words):
        sys.stdout.write(" ".join(map(str, words)) + "\\n")
    """
EXPORTER = (
    SAY
    + """
    class Postgres:
        def __init__(self, dsn="none", **options):
            self.dsn, self.options = dsn, options

        def export_batch(self, spans):
            for span in spans:
                say("exported", span.name, self.dsn)

        def shutdown(self):
            say("closed")

    class Configured(Postgres):
        @classmethod
        def from_config(cls, config):
            return cls(dsn="from " + config.options("configured")["where"])

    class Broken(Postgres):
        def __init__(self):
            raise OSError("no server")

    class Useless:
        pass
    """
)
EXPORTERS = {
    "peekr.exporters": "\n".join(
        f"{name} = acme_pg:{cls}"
        for name, cls in {
            "postgres": "Postgres",
            "configured": "Configured",
            "broken": "Broken",
            "useless": "Useless",
            "missing": "NotThere",
        }.items()
    )
}
TRACE = """
    import peekr
    peekr.instrument(console=False, {settings})
    with peekr.span("one"): pass
    """


class TestAnExporter:
    """IFACE-1, INST-3: its name is the storage= word."""

    def test_is_built_with_the_options_of_its_name(self, plugin: Any, python: Any) -> None:
        plugin("acme_pg", EXPORTER, EXPORTERS)
        settings = 'storage="postgres", storage_options={"postgres": {"dsn": "db1"}}'
        assert python(TRACE.format(settings=settings)) == "exported one db1\nclosed\n"

    def test_is_built_from_the_configuration_where_it_can_be(self, plugin: Any, python: Any) -> None:
        plugin("acme_pg", EXPORTER, EXPORTERS)
        settings = 'storage="configured", storage_options={"configured": {"where": "there"}}'
        assert python(TRACE.format(settings=settings)) == "exported one from there\nclosed\n"

    def test_may_stand_in_a_list(self, plugin: Any, python: Any) -> None:
        plugin("acme_pg", EXPORTER, EXPORTERS)
        settings = 'storage=["postgres", "configured"], storage_options={"configured": {"where": "x"}}'
        out = python(TRACE.format(settings=settings)).splitlines()
        assert sorted(out) == ["closed", "closed", "exported one from x", "exported one none"]

    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            ('storage="postgrse"', "no 'peekr.exporters' plugin is called 'postgrse'; installed: broken, configured,"),
            ('storage="broken"', "storage 'broken' cannot be set up with {}: OSError: no server"),
            ('storage="useless"', "has no method export(span) or export_batch(spans)"),
            ('storage="missing"', "It is installed, but cannot be loaded: AttributeError"),
            (
                'storage="broken", storage_options={"broken": {"colour": "red"}}',
                "cannot be set up with {'colour': 'red'}",
            ),
        ],
    )
    def test_that_cannot_be_had_is_one_sentence(self, plugin: Any, python: Any, settings: str, message: str) -> None:
        """INST-3, INST-13"""
        plugin("acme_pg", EXPORTER, EXPORTERS)
        program = f"import peekr\ntry: peekr.instrument({settings})\nexcept ValueError as error: print(error)"
        out = python(program)
        assert message in out
        assert "postgres" in out or "Correct its options" in out or "Any object" in out

    def test_that_is_installed_while_the_program_runs_is_found(self, plugin: Any, python: Any) -> None:
        """PKG-6: as in a notebook, where the error names the line to install it with."""
        plugin("acme_other", EXPORTER.replace("postgres", "other"), {}, "acme-other")
        program = """
        import os, shutil, sys, peekr
        folder = sys.path[1]
        for plugins in (None, ["postgres"]):
            try: peekr.instrument(console=False, storage="postgres", plugins=plugins)
            except ValueError as error: print(str(error).split(";")[0])
        shutil.move("later/acme_peekr-1.2.dist-info", folder)
        os.utime(folder, (1, 1))
        for plugins in (None, ["postgres"]):
            peekr.instrument(console=False, storage="postgres", plugins=plugins)
            with peekr.span("one"): pass
            peekr.uninstrument()
        """
        folder = plugin("acme_pg", EXPORTER, EXPORTERS)
        (folder.parent / "later").mkdir()
        (folder / "acme_peekr-1.2.dist-info").rename(folder.parent / "later" / "acme_peekr-1.2.dist-info")
        out = python(program).splitlines()
        assert out[0] == "no 'peekr.exporters' plugin is called 'postgres'"
        assert out[1] == "plugins names 'postgres', which no installed plugin is called"
        assert out[2:] == ["exported one none", "closed"] * 2

    def test_that_is_disabled_is_not_loaded(self, plugin: Any, python: Any) -> None:
        """PKG-6: by its name, or the distribution's."""
        plugin("acme_pg", EXPORTER + "    print('imported')\n", EXPORTERS, distribution="pg-for-peekr")
        program = "import peekr\ntry: peekr.instrument(storage='postgres')\nexcept ValueError as error: print(error)"
        for names in ("postgres", "other, pg-for-peekr", "peekr.exporters:postgres"):
            first, why = python(program, PEEKR_PLUGINS_DISABLE=names).splitlines()
            assert first.startswith("the 'peekr.exporters' plugin 'postgres' cannot be used; installed: ")
            assert why == "It is disabled by PEEKR_PLUGINS_DISABLE."
        assert "imported" in python(program, PEEKR_PLUGINS_DISABLE="other")

    def test_is_a_name_of_peekr_exporters(self, plugin: Any, python: Any) -> None:
        """PKG-6, style.md 4"""
        plugin("acme_pg", EXPORTER, EXPORTERS)
        program = """
            import peekr.exporters
            print(peekr.exporters.Postgres.__module__, "Postgres" in dir(peekr.exporters))
            from peekr.exporters import Configured
            """
        assert python(program) == "acme_pg True\n"


PROVIDER = """
    import functools

    class Acme:
        name = "acme"
        target = "acme_sdk"

        def instrument(self, tracer):
            import sys
            client = sys.modules["acme_sdk"].Client
            self.client, self.before = client, client.call

            def call(client, what, before=client.call):
                span = tracer.start("acme.call", kind="llm")
                try:
                    return before(client, what)
                finally:
                    tracer.end(span)
            client.call = call
            print("patched", tracer.capture_io)

        def uninstrument(self):
            if hasattr(self, "before"):
                self.client.call = self.before
            print("restored")

    class Failing(Acme):
        name = "failing"
        def instrument(self, tracer):
            raise RuntimeError("this version is unknown")

    class Worse:
        def __init__(self):
            raise RuntimeError("cannot even be made")
    """
SDK = "class Client:\n    def call(self, what):\n        return what\n"


class TestAProvider:
    """IFACE-4"""

    @pytest.fixture(autouse=True)
    def installed(self, plugin: Any, tmp_path: Path) -> None:
        folder = plugin("acme_provider", PROVIDER, {"peekr.providers": "acme = acme_provider:Acme"})
        (folder / "acme_sdk.py").write_text(SDK, encoding="utf-8")

    def test_patches_when_its_sdk_is_imported(self, python: Any) -> None:
        """INST-7"""
        program = """
            import peekr, sys
            peekr.instrument(console=False, storage=None)
            assert "acme_sdk" not in sys.modules
            import acme_sdk
            print(acme_sdk.Client().call("x"), peekr.stats()["spans"]["started"])
            peekr.uninstrument()
            print(acme_sdk.Client().call("x"), peekr.stats()["spans"]["started"])
            """
        assert python(program) == "patched True\nx 1\nrestored\nx 1\n"

    def test_patches_at_once_where_the_sdk_is_imported_already(self, python: Any) -> None:
        """INST-7: clients made before count too."""
        program = """
            import peekr, acme_sdk
            client = acme_sdk.Client()
            peekr.instrument(console=False, storage=None, capture_io=False)
            print(client.call("x"), peekr.stats()["spans"]["started"])
            """
        assert python(program) == "patched False\nx 1\n"

    def test_patches_once_however_often_instrument_is_called(self, python: Any) -> None:
        """INST-9"""
        program = """
            import peekr, acme_sdk
            for _ in range(3): peekr.instrument(console=False, storage=None)
            print(acme_sdk.Client().call("x"), peekr.stats()["spans"]["started"])
            """
        assert python(program) == "patched True\nx 1\n"

    def test_whose_sdk_never_comes_is_left_alone(self, python: Any) -> None:
        """INST-8: silently."""
        program = """
            import peekr, sys
            peekr.instrument(console=False, storage=None)
            peekr.uninstrument()
            import acme_sdk
            print(acme_sdk.Client().call("x"), peekr.stats()["spans"]["started"], len(sys.meta_path))
            """
        assert python(program).splitlines()[0] == "restored"
        assert python(program).splitlines()[1].startswith("x 0 ")

    @pytest.mark.parametrize(
        ("settings", "environment", "chosen"),
        [
            ("", {}, True),
            ("plugins=['acme']", {}, True),
            ("plugins=['acme-peekr']", {}, True),
            ("plugins=['other']", {}, False),
            ("plugins=[]", {}, False),
            ("", {"PEEKR_PLUGINS": "acme"}, True),
            ("", {"PEEKR_PLUGINS": "other, acme-peekr"}, True),
            ("", {"PEEKR_PLUGINS": "other"}, False),
            ("", {"PEEKR_PLUGINS": ""}, False),
            ("plugins=['acme']", {"PEEKR_PLUGINS": "other"}, True),
            ("", {"PEEKR_PLUGINS_DISABLE": "acme"}, False),
            ("", {"PEEKR_PLUGINS_DISABLE": "acme-peekr"}, False),
            ("plugins=['acme']", {"PEEKR_PLUGINS_DISABLE": "peekr.providers:acme"}, False),
        ],
    )
    def test_is_used_where_it_is_chosen(
        self, plugin: Any, python: Any, settings: str, environment: Any, chosen: bool
    ) -> None:
        """PKG-6"""
        plugin("other_prices", "TABLE = {}\n", {"peekr.prices": "other = other_prices:TABLE"}, "other-peekr")
        program = f"import peekr, acme_sdk\npeekr.instrument(console=False, storage=None, {settings})"
        assert python(program, **environment) == ("patched True\n" if chosen else "")

    def test_that_nobody_installed_is_no_choice(self, python: Any) -> None:
        """INST-13: misconfiguration fails early, and says what there is to choose from; nothing is set up."""
        program = """
            import peekr, acme_sdk
            try:
                peekr.instrument(console=False, storage=None, plugins=["acme", "acmee"])
            except peekr.PeekrError as error:
                print(isinstance(error, ValueError), error)
            """
        first, second = python(program).splitlines()
        assert first.startswith(
            "True plugins names 'acmee', which no installed plugin is called; installed: acme-peekr"
        )
        assert second == "List what is installed with: peekr plugins list"

    def test_that_is_missing_here_is_only_warned_of_in_the_environment(self, python: Any) -> None:
        """Programs with other plugins may share it; said once."""
        program = """
            import peekr, acme_sdk, logging, sys
            logging.basicConfig(format="%(message)s", stream=sys.stdout)
            for _ in range(2): peekr.instrument(console=False, storage=None)
            """
        patched = ("patched True", "PEEKR_PLUGINS names 'acmee', which no installed plugin is called; installed: ")
        said = python(program, PEEKR_PLUGINS="acmee, acme").splitlines()
        assert [line for line in said if line.startswith(patched[1])] == said[:1]
        assert said[1:] == ["List what is installed with: peekr plugins list", patched[0]]

    def test_that_is_not_chosen_any_more_is_undone(self, python: Any) -> None:
        """INST-10"""
        program = """
            import peekr, acme_sdk
            peekr.instrument(console=False, storage=None)
            peekr.instrument(console=False, storage=None, plugins=[])
            acme_sdk.Client().call("x")
            print(peekr.stats()["spans"]["started"])
            """
        assert python(program) == "patched True\nrestored\n0\n"

    @pytest.mark.parametrize("name", ["Failing", "Worse"])
    def test_that_fails_leaves_the_sdk_working_and_the_others_in_place(
        self, plugin: Any, python: Any, name: str
    ) -> None:
        """INST-8, INST-13"""
        entries = {"peekr.providers": f"aaa = acme_provider:{name}\nacme = acme_provider:Acme"}
        plugin("acme_provider", PROVIDER, entries)
        program = """
            import peekr, acme_sdk, logging
            logging.basicConfig(format="%(message)s", stream=__import__("sys").stdout)
            peekr.instrument(console=False, storage=None)
            print(acme_sdk.Client().call("x"))
            print(peekr.stats()["plugins"]["aaa"]["last_error"])
            """
        out = python(program)
        assert out.count("provider 'aaa' could not be switched on; its SDK works, untraced") == 1
        assert out.splitlines()[-2] == "x"
        assert out.splitlines()[-1].startswith("RuntimeError: ")
        assert "patched True" in out


class TestAPluginThatCannotBeImported:
    """INST-13, PKG-6, design 3: reported once, skipped, and to be seen afterwards."""

    @pytest.mark.parametrize(
        "source",
        [
            "import nothing_like_this",
            "raise RuntimeError('boom')",
            "assert False, 'boom'",
            "import sys; sys.exit(1)",
            "(",
        ],
        ids=["import error", "exception", "assertion", "exit", "syntax error"],
    )
    @pytest.mark.parametrize("group", ["peekr.providers", "peekr.processors", "peekr.hooks"])
    def test_is_skipped_with_one_warning(self, plugin: Any, python: Any, source: str, group: str) -> None:
        plugin("acme_bad", source, {group: "bad = acme_bad:Thing"})
        program = """
            import peekr, logging, sys
            logging.basicConfig(format="%(message)s", stream=sys.stdout)
            for _ in range(2): peekr.instrument(console=False, storage=None)
            with peekr.span("works"): pass
            assert peekr.flush(10)
            print("went on")
            """
        out = python(program)
        assert out.count("plugin 'bad' of ") == 1
        assert out.endswith("went on\n")

    def test_is_listed_as_failed_with_the_reason_also_by_a_later_process(self, plugin: Any, python: Any) -> None:
        """IFACE-7"""
        plugin("acme_bad", "raise RuntimeError('boom')", {"peekr.providers": "bad = acme_bad:Thing"})
        show = "from peekr.plugins import installed\nfor i in installed(): print(i.name, i.state, i.reason)"
        assert "bad installed None" in python(show)
        python("import peekr; peekr.instrument(console=False, storage=None)")
        assert "bad failed RuntimeError: boom" in python(show)
        plugin("acme_bad", "class Thing: name = target = 'bad_sdk'", {"peekr.providers": "bad = acme_bad:Thing"})
        python("import peekr; peekr.instrument(console=False, storage=None)")
        assert "bad installed None" in python(show)

    def test_checking_says_which_one_is_broken_and_why(self, plugin: Any, python: Any) -> None:
        """IFACE-7"""
        plugin("acme_bad", "good = 1", {"peekr.providers": "bad = acme_bad:bad\ngood = acme_bad:good"})
        program = "from peekr.plugins import check\nfor i in check(): print(i.name, i.state, i.reason)"
        out = python(program)
        assert "good installed None" in out
        assert "bad failed AttributeError: module 'acme_bad' has no attribute 'bad'" in out

    def test_where_failures_cannot_be_written_down_all_goes_on(self, plugin: Any, python: Any, tmp_path: Path) -> None:
        """INST-13"""
        plugin("acme_bad", "raise RuntimeError('boom')", {"peekr.providers": "bad = acme_bad:Thing"})
        (tmp_path / "file").write_text("")
        program = "import peekr; peekr.instrument(console=False, storage=None); print('went on')"
        assert python(program, XDG_STATE_HOME=str(tmp_path / "file")) == "went on\n"

    @pytest.mark.parametrize("content", ["", "{", "[1]", '{"a": 1}', "null"])
    def test_a_damaged_record_of_failures_is_none(self, python: Any, tmp_path: Path, content: str) -> None:
        """INST-13"""
        path = tmp_path / "state" / "peekr" / "plugin-failures.json"
        path.parent.mkdir(parents=True)
        path.write_text(content, encoding="utf-8")
        python("import peekr; from peekr.plugins import installed; peekr.instrument(console=False, storage=None)")


class TestTheList:
    """IFACE-7"""

    def test_names_every_entry_with_distribution_and_version_and_imports_none(self, plugin: Any, python: Any) -> None:
        plugin("acme_pg", "print('imported')", {**EXPORTERS, "peekr.commands": "x = acme_pg:x", "other.group": "y = z"})
        program = """
            import json
            from peekr.plugins import installed
            print(json.dumps([[i.group, i.name, i.value, i.distribution, i.version, i.state] for i in installed()]))
            """
        rows = [row for row in json.loads(python(program)) if row[3] == "acme-peekr"]
        assert ["peekr.exporters", "postgres", "acme_pg:Postgres", "acme-peekr", "1.2", "installed"] in rows
        assert ["peekr.commands", "x", "acme_pg:x", "acme-peekr", "1.2", "installed"] in rows
        assert len(rows) == 6

    def test_shows_what_is_in_use_and_what_is_not_wanted(self, plugin: Any, python: Any) -> None:
        plugin("acme_pg", EXPORTER, EXPORTERS)
        program = """
            import peekr
            from peekr.plugins import installed
            peekr.instrument(console=False, storage="postgres")
            print({i.name: (i.state, i.reason) for i in installed() if i.distribution == "acme-peekr"})
            """
        states = eval(python(program, PEEKR_PLUGINS_DISABLE="useless").splitlines()[0])
        assert states["postgres"] == ("active", None)
        assert states["configured"] == ("installed", None)
        assert states["useless"] == ("disabled", "disabled by PEEKR_PLUGINS_DISABLE")


PROCESSORS = """
    class Upper:
        def process(self, span):
            span.name = span.name.upper()

    class Configured:
        @classmethod
        def from_config(cls, config):
            self = cls()
            self.tenant = config.tenant_id
            return self

        def process(self, span):
            span.attributes["tenant_seen"] = self.tenant

    class Failing:
        def process(self, span):
            raise ValueError("no")

    class Unmakable:
        def __init__(self):
            raise ValueError("never")
    """
PRINTING = (
    SAY
    + """
    import peekr, logging
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    class Printing:
        def export_batch(self, spans):
            for span in spans: say(span.name, sorted(n for n in span.attributes if n != "run_id"))
    """
)


class TestAProcessor:
    """IFACE-5"""

    def test_changes_every_span_in_the_worker(self, plugin: Any, python: Any) -> None:
        entries = {"peekr.processors": "upper = acme_p:Upper\nconfigured = acme_p:Configured"}
        plugin("acme_p", PROCESSORS, entries)
        program = "peekr.instrument(console=False, exporter=Printing(), tenant_id='acme')\nwith peekr.span('one'): pass"
        assert python(PRINTING, program) == "ONE ['tenant_seen']\n"

    def test_that_fails_is_left_out_after_ten_times_in_a_row(self, plugin: Any, python: Any) -> None:
        plugin("acme_p", PROCESSORS, {"peekr.processors": "failing = acme_p:Failing\nupper = acme_p:Upper"})
        program = """
            peekr.instrument(console=False, exporter=Printing())
            for _ in range(20):
                with peekr.span('one'): pass
            assert peekr.flush(10)
            ledger = peekr.stats()["plugins"]["failing"]
            print(ledger["group"], ledger["errors"], ledger["last_error"], ledger["disabled"])
    """
        lines = python(PRINTING, program).splitlines()
        assert lines.count("ONE []") == 20
        assert lines[-1] == "peekr.processors 10 ValueError: no True"
        assert len([line for line in lines if line.startswith("peekr.processors 'failing' failed")]) == 2

    def test_that_kept_failing_is_listed_as_failed_by_a_later_process(self, plugin: Any, python: Any) -> None:
        """IFACE-7"""
        plugin("acme_p", PROCESSORS, {"peekr.processors": "failing = acme_p:Failing"})
        program = """
            import peekr
            peekr.instrument(console=False, storage=None, exporter=type("Nowhere", (), {"export": lambda *_: None})())
            for _ in range(20):
                with peekr.span('one'): pass
        """
        python(program)
        show = "from peekr.plugins import installed\nfor i in installed(): print(i.name, i.state, i.reason)"
        assert "failing failed ValueError: no" in python(show)

    def test_is_named_with_its_distribution_by_stats(self, plugin: Any, python: Any) -> None:
        """IFACE-6"""
        plugin("acme_p", PROCESSORS, {"peekr.processors": "upper = acme_p:Upper"})
        program = """
            import peekr
            peekr.instrument(console=False, storage=None)
            plugins = peekr.stats()["plugins"]
            print([plugins[name]["distribution"] for name in ("upper", "redaction", "threads")])
        """
        assert python(program) == "['acme-peekr', 'peekr-core', 'peekr-core']\n"

    def test_that_cannot_be_made_is_skipped(self, plugin: Any, python: Any) -> None:
        plugin("acme_p", PROCESSORS, {"peekr.processors": "never = acme_p:Unmakable\nupper = acme_p:Upper"})
        program = "peekr.instrument(console=False, exporter=Printing())\nwith peekr.span('one'): pass"
        out = python(PRINTING, program)
        assert "processor 'never' cannot be set up and is skipped: never" in out
        assert out.endswith("ONE []\n")


HOOKS = (
    SAY
    + """
    from peekr.hookspecs import hookimpl

    @hookimpl
    def peekr_instrument(config):
        say("instrument", config.tenant_id)

    @hookimpl
    def peekr_uninstrument():
        say("uninstrument")

    @hookimpl
    def peekr_span_start(span):
        say("start", span.name, span.ended, threading.current_thread().name)
        span.attributes["started"] = True

    @hookimpl
    def peekr_span_end(span):
        say("end", span.name, span.ended, threading.current_thread().name)
        span.attributes["done"] = True

    @hookimpl
    def peekr_trace_end(root, spans):
        say("trace", root.name, [span.name for span in spans], threading.current_thread().name)
    """
)


class TestHooks:
    """design 3: the moments a plugin can take part in."""

    def test_every_one_is_called_as_documented(self, plugin: Any, python: Any) -> None:
        plugin("acme_h", HOOKS, {"peekr.hooks": "acme = acme_h"})
        program = """
            peekr.instrument(console=False, exporter=Printing(), tenant_id="acme")
            with peekr.span("root"):
                with peekr.span("child"): pass
            assert peekr.flush(10)
            peekr.uninstrument()
            peekr.uninstrument()
    """
        lines = python(PRINTING, program).splitlines()
        assert [line for line in lines if "MainThread" in line or "instrument" in line] == [
            "instrument acme",
            "start root False MainThread",
            "start child False MainThread",
            "end child True MainThread",
            "end root True MainThread",
            "uninstrument",
        ]
        assert sorted(set(lines) - {line for line in lines if "MainThread" in line or "instrument" in line}) == [
            "child ['done', 'started']",
            "root ['done', 'started']",
            "trace root ['child', 'root'] peekr-worker",
        ]

    def test_of_functions_runs_and_their_steps_too(self, plugin: Any, python: Any) -> None:
        plugin("acme_h", HOOKS, {"peekr.hooks": "acme = acme_h"})
        program = """
            peekr.instrument(console=False, storage=None)
            peekr.trace(lambda: 1, name="f")()
            with peekr.trace.run("run") as run: run.tool(tool_name="t")
    """
        lines = python(PRINTING, program).splitlines()
        for name in ("f", "run", "tool.t"):
            assert lines.count(f"start {name} False MainThread") == lines.count(f"end {name} True MainThread") == 1

    def test_a_hook_takes_only_the_arguments_it_names(self, plugin: Any, python: Any) -> None:
        source = """
            from peekr.hookspecs import hookimpl
            @hookimpl
            def peekr_instrument(): print("on")
            @hookimpl
            def peekr_span_start(): print("start")
            @hookimpl
            def peekr_trace_end(spans): print(len(spans), flush=True)
            """
        plugin("acme_h", source, {"peekr.hooks": "acme = acme_h"})
        program = "peekr.instrument(console=False, storage=None)\nwith peekr.span('one'): pass"
        assert python(PRINTING, program).splitlines() == ["on", "start", "1"]

    def test_one_that_fails_harms_neither_program_nor_other_hooks(self, plugin: Any, python: Any) -> None:
        """INST-13"""
        source = """
            from peekr.hookspecs import hookimpl
            calls = 0
            @hookimpl
            def peekr_instrument(config): raise ValueError("no")
            @hookimpl
            def peekr_span_start(span):
                global calls
                calls += 1
                raise ValueError("no")
            @hookimpl
            def peekr_span_end(span): span.attributes["end"] = True
            @hookimpl
            def peekr_trace_end(root, spans): raise ValueError("no")
            @hookimpl
            def peekr_uninstrument(): raise ValueError("no")
            """
        plugin("acme_h", source, {"peekr.hooks": "acme = acme_h"})
        program = """
            peekr.instrument(console=False, exporter=Printing())
            for _ in range(15):
                with peekr.span("one"): pass
            assert peekr.flush(10)
            import acme_h
            plugins = peekr.stats()["plugins"]
            print(acme_h.calls, plugins["acme.peekr_span_start"]["disabled"], plugins["acme.peekr_trace_end"]["errors"])
            peekr.uninstrument()
    """
        lines = python(PRINTING, program).splitlines()
        assert lines.count("one ['end']") == 15
        assert "10 True 10" in lines

    def test_a_misspelt_one_is_named(self, plugin: Any, python: Any) -> None:
        source = "from peekr.hookspecs import hookimpl\n@hookimpl\ndef peekr_span_strat(span): print('never')\n"
        plugin("acme_h", source, {"peekr.hooks": "acme = acme_h"})
        program = "peekr.instrument(console=False, storage=None)\nwith peekr.span('one'): pass"
        out = python(PRINTING, program)
        assert "hooks of plugin 'acme' are skipped: " in out
        assert "peekr_span_strat" in out
        assert "never" not in out

    def test_one_that_asks_for_what_is_not_given_is_named(self, plugin: Any, python: Any) -> None:
        source = "from peekr.hookspecs import hookimpl\n@hookimpl\ndef peekr_span_start(span, colour): print('never')\n"
        plugin("acme_h", source, {"peekr.hooks": "acme = acme_h"})
        program = "peekr.instrument(console=False, storage=None)\nwith peekr.span('one'): pass"
        out = python(PRINTING, program)
        assert "hooks of plugin 'acme' are skipped: " in out
        assert "colour" in out

    def test_without_any_hook_pluggy_is_not_even_loaded(self, python: Any) -> None:
        """design 6"""
        program = "import peekr, sys; peekr.instrument(storage=None, plugins=[]); print('pluggy' in sys.modules)"
        assert python(program) == "False\n"
