"""Sessions for more than one Python or SDK version. `python3 dev.py test` is the everyday one.

nox -s tests        all tests on every supported Python that this machine has
nox -s unit         each distribution's own tests with nothing but core and the two stores beside it
nox -s lowest       all tests on Python 3.9 with the oldest version of each library that is allowed
nox -s sdks         each provider's tests on the oldest, a middle and the newest major of its SDK
nox -s types lint   mypy and ruff
nox -s doctor       `peekr doctor` on the oldest and the newest version of each SDK
nox -s bench        the benchmarks of tests/bench: ratios, no assertions
nox -s worst_day    kill -9, many writers, stalled and hanging stores, redaction, OTLP, fuzzing, a soak: half an hour
nox -s interop      spans into a real Arize Phoenix and a real MLflow server (large)
nox -s demo         the demo, in a fresh environment
"""

import os
import shutil
import subprocess
from pathlib import Path

import nox

PYTHONS = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"]
CORE = "peekr-core"
DISTRIBUTIONS = {
    "peekr-core": CORE,
    "peekr-jsonl": "peekr-exporters/jsonl",
    "peekr-sqlite": "peekr-exporters/sqlite",
    "peekr-http": "peekr-exporters/http",
    "peekr-otlp": "peekr-exporters/otlp",
    "peekr-alert": "peekr-eval/alert",
    "peekr-cost": "peekr-eval/cost",
    "peekr-eval": "peekr-eval/eval",
    "peekr-feedback": "peekr-eval/feedback",
    "peekr-guard": "peekr-eval/guard",
    "peekr-anthropic": "peekr-providers/anthropic",
    "peekr-bedrock": "peekr-providers/bedrock",
    "peekr-chroma": "peekr-providers/chroma",
    "peekr-crewai": "peekr-providers/crewai",
    "peekr-gemini": "peekr-providers/gemini",
    "peekr-langchain": "peekr-providers/langchain",
    "peekr-litellm": "peekr-providers/litellm",
    "peekr-llamaindex": "peekr-providers/llamaindex",
    "peekr-openai": "peekr-providers/openai",
    "peekr-pinecone": "peekr-providers/pinecone",
    "peekr-qdrant": "peekr-providers/qdrant",
    "peekr-cli": "peekr-cli/cli",
    "peekr-dashboard": "peekr-cli/dashboard",
    "peekr-server": "peekr-cli/server",
    "peekr-mcp": "peekr-cli/mcp",
    "peekr-agent-inspector": "peekr-cli/agent-inspector",
}
#: The packages that have other names than their distributions.
RENAMED = {CORE: "peekr", "peekr-agent-inspector": "agent_inspector"}
PACKAGES = [RENAMED.get(name, name.replace("-", "_")) for name in DISTRIBUTIONS]
#: What the server is made of, besides the command line, which everything in its folder stands on.
STANDS_ON = {"peekr-server": ["peekr-cli", "peekr-cost", "peekr-feedback", "peekr-dashboard"]}
#: Of each SDK the oldest supported major, one in between, the newest. Python 3.9 gets the first of each, as a rule.
SDKS = {
    "openai": ["openai==1.109.1", "openai==2.48.0", "openai"],
    "anthropic": ["anthropic==0.125.0", "anthropic==1.17.0", "anthropic"],
    "bedrock": ["boto3==1.34.162", "boto3==1.42.97", "boto3"],
    "gemini": ["google-genai==1.47.0", "google-genai==2.33.0", "google-genai"],
    "langchain": ["langchain-core==0.3.86", "langchain-core==1.2.5", "langchain-core"],
    "litellm": ["litellm==1.83.9", "litellm"],
    "llamaindex": ["llama-index-core==0.12.52", "llama-index-core"],
    "crewai": ["crewai==0.193.2", "crewai"],
    "pinecone": ["pinecone[asyncio]==7.3.0", "pinecone[asyncio]"],
    "chroma": ["chromadb==0.5.23", "chromadb"],
    "qdrant": ["qdrant-client==1.12.2", "qdrant-client"],
}
#: What their tests need beside an SDK.
BESIDE_SDK = {
    "langchain": ["langchain-openai", "langgraph"],
    "litellm": ["tenacity"],
    "llamaindex": ["llama-index-llms-openai", "llama-index-embeddings-openai"],
    "crewai": ["openai", "setuptools<80"],
    "chroma": ["openai"],
    "qdrant": ["openai"],
}
NEED_PYTHON_310 = ("anthropic==1.17.0", "google-genai==2.33.0", "langchain-core==1.2.5", "crewai==0.193.2")
TOOLS = ["pytest", "pytest-xdist", "pytest-asyncio", "pytest-timeout", "hypothesis", "jsonschema"]

nox.options.sessions = ["lint", "types", "tests"]
nox.options.error_on_missing_interpreters = False


def _add_pyenv_to_path():
    """Where pyenv manages interpreters, a bare `python3.12` is a shim that may not resolve: ask pyenv."""
    if not shutil.which("pyenv"):
        return
    versions = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True).stdout.split()
    prefixes = [
        subprocess.run(["pyenv", "prefix", version], capture_output=True, text=True).stdout.strip()
        for version in versions
        if version.rsplit(".", 1)[0] in PYTHONS
    ]
    os.environ["PATH"] = os.pathsep.join([f"{prefix}/bin" for prefix in prefixes if prefix] + [os.environ["PATH"]])


_add_pyenv_to_path()


def _install(session, *folders, extra=()):
    """All folders in one command, so that siblings come from disk."""
    session.install("hatchling", "editables")
    session.install("--no-build-isolation", *[part for f in folders for part in ("-e", f"./{f}")], *extra)


@nox.session(python=PYTHONS)
def tests(session):
    """All tests, on every Python."""
    _install(session, *DISTRIBUTIONS.values(), extra=["openai", *TOOLS])
    session.run("pytest", *(session.posargs or ["-n", "2", "--dist", "loadfile"]))


@nox.session(python="3.9", venv_backend="uv")
def lowest(session):
    """All tests with the lower bounds of all dependencies."""
    _install(session, *DISTRIBUTIONS.values(), extra=[SDKS["openai"][0], "--resolution", "lowest-direct"])
    session.install(*TOOLS)
    session.run("pytest", *(session.posargs or ["-n", "2", "--dist", "loadfile"]))


@nox.session
def unit(session):
    """Each distribution with core and what its tests read with, which proves that it needs no other plugin."""
    for name, folder in DISTRIBUTIONS.items():
        tests_of = Path("tests") / name.removeprefix("peekr-")
        session.run("pip", "uninstall", "-y", "-q", *DISTRIBUTIONS, external=False)
        sdk = SDKS.get(name[len("peekr-") :], [])[-1:]
        stores = [] if name == CORE else ["peekr-exporters/jsonl", "peekr-exporters/sqlite"]
        below = [DISTRIBUTIONS[each] for each in STANDS_ON.get(name, ["peekr-cli"])] if "peekr-cli/" in folder else []
        asking = ["httpx"] if name == "peekr-server" else []
        _install(session, *dict.fromkeys([CORE, *stores, *below, folder]), extra=[*TOOLS, *sdk, *asking])
        session.run("pytest", str(tests_of), *session.posargs)


@nox.session(python=["3.9", "3.11", "3.13"])
@nox.parametrize("provider, sdk", [(provider, sdk) for provider, sdks in SDKS.items() for sdk in sdks])
def sdks(session, provider, sdk):
    """A provider's tests on several majors of its SDK."""
    if session.python == "3.9" and (sdk in NEED_PYTHON_310 or "==" not in sdk):
        session.skip(f"the newest {sdk.partition('==')[0]} for Python 3.9 is one of the others")
    _install(session, *DISTRIBUTIONS.values(), extra=[sdk, *BESIDE_SDK.get(provider, []), *TOOLS])
    session.run("pytest", f"tests/{provider}", *session.posargs, env={"PEEKR_RECORDINGS": "all"})


@nox.session(python=["3.9", "3.13"])
@nox.parametrize("provider, sdk", [(provider, sdk) for provider, sdks in SDKS.items() for sdk in (sdks[0], sdks[-1])])
def doctor(session, provider, sdk):
    """Each entry point of an SDK makes exactly one span with usage, on its oldest and newest version."""
    beside = {"langchain-core": ["langchain-openai"], "boto3": ["aiobotocore>=2.15"]}
    extra = beside["langchain-core"] if provider == "langchain" else beside.get(sdk, BESIDE_SDK.get(provider, []))
    _install(session, *DISTRIBUTIONS.values(), extra=[sdk, *extra])
    session.run("peekr", "doctor", "-q", "--sdk", provider)


@nox.session
def worst_day(session):
    """What nobody wants to live through twice."""
    _install(session, *DISTRIBUTIONS.values(), extra=["openai", "gunicorn", "celery", *TOOLS])
    session.run("pytest", "tests/journeys")
    session.run("python", "tests/bench/bench_kill.py", "200")
    for program in ("writers", "bad_exporter", "http", "stalled", "redaction", "otlp"):
        session.run("python", f"tests/bench/bench_{program}.py")
    session.run("python", "tests/fuzz/fuzz.py", "1000000")
    session.run("python", "tests/bench/soak.py", *(session.posargs or ["15"]))


@nox.session(python="3.11")
def interop(session):
    """Two receivers that nobody here wrote, each in an environment of its own."""
    _install(session, CORE, "peekr-exporters/otlp", extra=["opentelemetry-exporter-otlp-proto-grpc", *TOOLS])
    for name, package in (("PHOENIX", "arize-phoenix"), ("MLFLOW", "mlflow")):
        folder = Path(session.create_tmp(), name.lower()).resolve()
        session.run("python", "-m", "venv", str(folder))
        session.run(str(folder / "bin" / "pip"), "install", "-q", package, external=True)
        session.env[f"PEEKR_{name}_PYTHON"] = str(folder / "bin" / "python")
    session.run("pytest", "tests/interop", "-s", *session.posargs)


@nox.session
def types(session):
    """mypy, strict."""
    _install(session, *DISTRIBUTIONS.values(), extra=["openai", "mypy", "pytest"])
    session.run("mypy", *[part for package in PACKAGES for part in ("-p", package)])


@nox.session
def lint(session):
    """ruff."""
    session.install("-r", "requirements-dev.txt")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def bench(session):
    """Ratios to a hand-written floor, measured in the same run."""
    _install(session, *DISTRIBUTIONS.values(), extra=["openai", "orjson"])
    for program in sorted(Path("tests/bench").glob("bench_*.py")):
        session.run("python", str(program), *session.posargs)


@nox.session
def demo(session):
    """The demo, as a new user runs it."""
    _install(session, *DISTRIBUTIONS.values(), extra=["openai"])
    session.chdir(session.create_tmp())
    session.run("peekr", "demo")


@nox.session
def bump(session):
    """nox -s bump -- 0.2.0: one version for all distributions."""
    (new,) = session.posargs
    old = Path(CORE, "pyproject.toml").read_text().split('version = "')[1].split('"')[0]
    for path in [Path("pyproject.toml"), *[Path(folder, "pyproject.toml") for folder in DISTRIBUTIONS.values()]]:
        path.write_text(path.read_text().replace(f'version = "{old}"', f'version = "{new}"'))
    init = Path(CORE, "src/peekr/__init__.py")
    init.write_text(init.read_text().replace(f'__version__ = "{old}"', f'__version__ = "{new}"'))
