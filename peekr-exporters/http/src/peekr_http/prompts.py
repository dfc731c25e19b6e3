"""Prompts that are kept, in versions, on a server (contract PROMPT-1).

::

    prompt = peekr.prompts.get("rag_answer", endpoint="https://peekr.example.com", api_key="pk_live_x")
    system = prompt.render(context=documents, language="en")

``GET {endpoint}/api/v1/prompts?name=…`` answers one prompt, without a name it answers all.
"""

from __future__ import annotations

import os
import re
from typing import Any, Dict, List, Mapping, Optional, Tuple

import attrs
import httpx

import peekr
from peekr.errors import ConfigurationError, PromptError, UnknownPrompt

_PATH = "/api/v1/prompts"
_VARIABLE = re.compile(r"\{\{\s*(\w+)\s*\}\}")


@attrs.define(slots=True, frozen=True)
class Prompt:
    """One version of a prompt.

    :ivar content: the template; ``{{name}}`` stands where a variable goes.
    :ivar variables: the names that :meth:`render` must be given.
    :ivar model: the model that it is meant for, if it is for one.
    """

    name: str
    version: int
    content: str
    variables: List[str] = attrs.field(factory=list)
    model: Optional[str] = None
    notes: Optional[str] = None

    def render(self, **values: Any) -> str:
        """Return the content with each variable replaced by its value; other names are left as they are.

        :raises KeyError: naming the variables that have no value.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise KeyError(f"prompt {self.name!r}, version {self.version}, needs {', '.join(missing)}")
        # in one go: what looks like a variable in a value is text
        return _VARIABLE.sub(lambda at: str(values[at[1]]) if at[1] in self.variables else at[0], self.content)


def get(name: str, *, api_key: Optional[str] = None, endpoint: Optional[str] = None, timeout: float = 10.0) -> Prompt:
    """Return the active version of a prompt.

    :param api_key: else ``PEEKR_API_KEY``.
    :param endpoint: of the server, else ``PEEKR_ENDPOINT``; there is no default.
    :param timeout: seconds to connect, and for the answer.
    :raises UnknownPrompt: (a ValueError) if there is none of this name.
    :raises ConfigurationError: (a ValueError) if there is no endpoint or key.
    :raises PromptError: (a RuntimeError) if the server cannot be reached, refuses, or answers something else.
    """
    return _prompt(_ask({"name": name}, api_key, endpoint, timeout), name)


async def get_async(
    name: str, *, api_key: Optional[str] = None, endpoint: Optional[str] = None, timeout: float = 10.0
) -> Prompt:
    """Return what :func:`get` does, without blocking the event loop."""
    return _prompt(await _ask_async({"name": name}, api_key, endpoint, timeout), name)


def list_all(
    *, api_key: Optional[str] = None, endpoint: Optional[str] = None, timeout: float = 10.0
) -> List[Dict[str, Any]]:
    """Return all prompts as the server lists them: ``name``, ``description``, ``active_version``, ``variables``, ….

    Parameters and errors are those of :func:`get`.
    """
    return _listed(_ask({}, api_key, endpoint, timeout))


async def list_all_async(
    *, api_key: Optional[str] = None, endpoint: Optional[str] = None, timeout: float = 10.0
) -> List[Dict[str, Any]]:
    """Return what :func:`list_all` does, without blocking the event loop."""
    return _listed(await _ask_async({}, api_key, endpoint, timeout))


_OTHER = "Is the endpoint that of a server of prompts?"
#: What httpx raises for an address that is none, and for a server that cannot be reached or breaks off.
_UNREACHABLE = (httpx.HTTPError, httpx.InvalidURL, UnicodeError)


def _ask(query: Mapping[str, str], api_key: Optional[str], endpoint: Optional[str], timeout: float) -> Dict[str, Any]:
    url, headers = _address(api_key, endpoint)
    try:
        with httpx.Client(headers=headers, timeout=timeout, follow_redirects=False) as client:
            answer = client.get(url, params=query)
    except _UNREACHABLE as error:
        raise _unreachable(url, error) from error
    return _read(answer, url, query)


async def _ask_async(
    query: Mapping[str, str], api_key: Optional[str], endpoint: Optional[str], timeout: float
) -> Dict[str, Any]:
    url, headers = _address(api_key, endpoint)
    try:
        async with httpx.AsyncClient(headers=headers, timeout=timeout, follow_redirects=False) as client:
            answer = await client.get(url, params=query)
    except _UNREACHABLE as error:
        raise _unreachable(url, error) from error
    return _read(answer, url, query)


def _address(api_key: Optional[str], endpoint: Optional[str]) -> Tuple[str, Dict[str, str]]:
    key = _setting(api_key, "api_key", "PEEKR_API_KEY")
    url = _setting(endpoint, "endpoint", "PEEKR_ENDPOINT").rstrip("/") + _PATH
    return url, {"Authorization": f"Bearer {key}", "User-Agent": f"peekr-http/{peekr.__version__}"}


def _unreachable(url: str, error: Exception) -> PromptError:
    return PromptError(f"prompts cannot be had from {url}: {type(error).__name__}: {error}")


def _read(answer: httpx.Response, url: str, query: Mapping[str, str]) -> Dict[str, Any]:
    try:
        found = answer.json() if answer.content else None
    except ValueError:  # UnicodeError is one
        found = None
    if isinstance(found, dict) and found.get("error") == "prompt_not_found":
        raise UnknownPrompt(
            f"no prompt is called {query.get('name')!r}.\nList those there are: peekr.prompts.list_all()"
        )
    if not answer.is_success:
        raise PromptError(f"{url} answers {answer.status_code}: {answer.text[:200]!r}")
    if not isinstance(found, dict):
        raise PromptError(f"{url} answers no JSON object: {answer.text[:200]!r}.\n{_OTHER}")
    return found


def _listed(found: Mapping[str, Any]) -> List[Dict[str, Any]]:
    prompts = found.get("prompts", [])
    if not isinstance(prompts, list) or not all(isinstance(each, dict) for each in prompts):
        raise PromptError(f"the list of prompts is {type(prompts).__name__}, not a list of objects.\n{_OTHER}")
    return prompts


def _setting(given: Optional[str], parameter: str, variable: str) -> str:
    value = given or os.environ.get(variable)
    if not value:
        raise ConfigurationError(f"prompts need {parameter}=.\nGive it, or set {variable}")
    return value


def _prompt(found: Mapping[str, Any], name: str) -> Prompt:
    content, variables = found.get("content"), found.get("variables") or []
    if not isinstance(content, str) or not isinstance(variables, list):
        raise PromptError(f"the answer for prompt {name!r} has no content.\n{_OTHER}")
    return Prompt(
        name=str(found.get("name", name)),
        version=int(found.get("version") or 0),
        content=content,
        variables=[str(each) for each in variables],
        model=found.get("model"),
        notes=found.get("notes"),
    )
