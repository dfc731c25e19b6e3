"""``python -m peekr.settings_table``: every setting in one table, made from the code.

Prints the table; with the path of a Markdown file, puts it between the two marks in that file.
"""

from __future__ import annotations

import inspect
import re
import sys
from typing import Any, Dict, Iterator, List, Optional, Tuple

from peekr.config import DEFAULT_DB_PATH, DEFAULT_STORAGE
from peekr.lifecycle import instrument
from peekr.profiles import PROFILES, Profile
from peekr.traceconfig import SETTINGS

BEGIN = "<!-- settings: made by python -m peekr.settings_table -->"
END = "<!-- end of settings -->"
_HEAD = (
    "| setting | `instrument()` | `TraceConfig` | variable | default | production, development, debug | meaning |\n"
    "|---|---|---|---|---|---|---|\n"
)
_VARIABLES_HEAD = "| other variables | meaning |\n|---|---|\n"
#: Arguments of instrument() that come from the environment too.
_ENVIRONMENT = {"tenant_id": "PEEKR_TENANT_ID", "retention_class": "PEEKR_RETENTION_CLASS", "plugins": "PEEKR_PLUGINS"}
#: Variables that stand for no setting above → what they say.
VARIABLES = {
    "PEEKR_API_KEY": "Key for the server at `PEEKR_ENDPOINT`.",
    "PEEKR_CONFIG": "Path of the configuration file; `peekr.config.json` in the working directory by default.",
    "PEEKR_ENDPOINT": "Address of the server that holds the rule packs of `instrument(compliance=)`.",
    "PEEKR_PLUGINS_DISABLE": "Plugins that are not used, by entry or distribution name, separated by commas.",
    "PEEKR_PRICES": "Path of a JSON file with prices that win over those of the table.",
    "PEEKR_PRICE_TABLE": "Path of a newer snapshot of the prices, made with `python -m peekr_cost.snapshot`.",
    "TRACE_PROFILE": "The profile: `production`, `development` or `debug`.",
    "TRACE_RETENTION_CLASSES": "Days for each retention class in `peekr prune`: `short=7,default=30`; 0: for ever.",
}


def table() -> str:
    """Return the tables as Markdown: a row for each setting, then for each other variable, in alphabetical order."""
    settings = "".join(f"| {' | '.join(_cells(row))} |\n" for row in rows())
    return f"{_HEAD}{settings}\n{_VARIABLES_HEAD}" + "".join(
        f"| `{name}` | {VARIABLES[name]} |\n" for name in VARIABLES
    )


def rows() -> Iterator[Dict[str, Any]]:
    """Yield what is known of each setting: name, argument, field, variable, default, profiles, meaning."""
    arguments = inspect.signature(instrument).parameters
    said = dict(_documented(inspect.getdoc(instrument) or ""))
    for name in sorted({*arguments, *SETTINGS}):
        field = SETTINGS.get(name)
        default = field["default"] if field is not None else _default(arguments[name].default)
        yield {
            "name": name,
            "argument": name in arguments,
            "field": field is not None,
            "variable": f"TRACE_{field['env']}" if field is not None else _ENVIRONMENT.get(name),
            "default": default,
            "profiles": [PROFILES[profile].get(name) for profile in Profile],
            "meaning": said.get(name) or (field["meaning"] if field is not None else ""),
        }


def _default(value: Any) -> Any:
    return str(value) if value is DEFAULT_STORAGE or value is DEFAULT_DB_PATH else value


def _documented(docstring: str) -> Iterator[Tuple[str, str]]:
    """Yield the parameters of a docstring with what it says of them."""
    for name, text in re.findall(r":param (\w+):\s*(.*?)(?=\n:|\Z)", docstring, re.DOTALL):
        plain = re.sub(r":\w+:`~?([^`]+)`", r"`\1`", " ".join(text.split())).replace("``", "`")
        yield name, plain[:1].upper() + plain[1:]


def _cells(row: Dict[str, Any]) -> List[str]:
    profiles = row["profiles"]
    given = "" if all(value is None for value in profiles) else ", ".join(map(_shown, profiles))
    return [
        f"`{row['name']}`",
        "yes" if row["argument"] else "",
        "yes" if row["field"] else "",
        f"`{row['variable']}`" if row["variable"] else "",
        _shown(row["default"]),
        given,
        row["meaning"].replace("|", "\\|"),
    ]


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, (list, tuple)) and not value:
        return "none"
    if isinstance(value, (list, tuple)):
        return " ".join(f"`{item}`" for item in value).replace("|", "\\|")
    return f"`{value}`"


def with_table(text: str) -> str:
    """Return a Markdown text with the table between its marks.

    :raises ValueError: if the marks are not there, in this order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the marks {BEGIN!r} and {END!r} are missing")
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


def main(arguments: Optional[List[str]] = None) -> None:
    """Print the table, or write it into the file that is named."""
    named = sys.argv[1:] if arguments is None else arguments
    if not named:
        sys.stdout.write(table())
        return
    with open(named[0], encoding="utf-8") as file:
        text = with_table(file.read())
    with open(named[0], "w", encoding="utf-8") as file:
        file.write(text)


if __name__ == "__main__":
    main()
