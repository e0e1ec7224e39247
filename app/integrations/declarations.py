"""A settings file of integrations, and what it takes to make the database say the same.

    [integrations.search]
    url = "https://mcp.example/mcp"
    name = "Search"
    tools = "all"                                  # or a list of names; "none" leaves all for review
    credential = {header = "authorization", env = "SEARCH_TOKEN"}      # or file = "/run/secrets/search"

What the file does not name is left alone; nothing is ever removed by leaving it out.
"""

import json
import os
import tomllib
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.core.errors import Invalid


class Credential(BaseModel):
    """Where the value of a header is. Exactly one of env and file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    header: str = "authorization"
    env: str = ""
    file: str = ""

    def value(self) -> str:
        """Raises Invalid, naming the place and never the value."""
        if bool(self.env) == bool(self.file):
            raise Invalid("A credential has either “env” or “file”.")
        if self.env:
            if not os.environ.get(self.env):
                raise Invalid(f"The variable {self.env} for a credential is not set.")
            return os.environ[self.env]
        try:
            return Path(self.file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise Invalid(f"The file {self.file} for a credential cannot be read: {type(problem).__name__}.") from None


class Example(BaseModel):
    """A first call worth making."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Declaration(BaseModel):
    """One integration as it shall be. tools: which are approved when found; those with findings only by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    name: str = ""
    summary: str = Field("", max_length=200)
    is_open: bool = Field(True, alias="open")
    is_enabled: bool = Field(True, alias="enabled")
    tools: Literal["all", "none"] | list[str] = "none"
    credential: Credential | None = None
    example: Example | None = None

    def fields_of(self, slug: str) -> dict[str, Any]:
        """Columns of Integration, with the values that they shall have."""
        example = self.example or Example(tool="")
        return {
            "name": self.name or slug,
            "summary": self.summary,
            "upstream_url": self.url,
            "is_open": self.is_open,
            "is_enabled": self.is_enabled,
            "example_tool": example.tool,
            "example_arguments": json.dumps(example.arguments),
        }


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    integrations: dict[str, Declaration]


def read(text: str) -> dict[str, Declaration]:
    """Slug to declaration, in the order written. Raises Invalid with one line for each thing that is wrong."""
    try:
        return _File.model_validate(tomllib.loads(text)).integrations
    except tomllib.TOMLDecodeError as problem:
        raise Invalid(f"The file is not TOML: {problem}") from None
    except ValidationError as problem:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in problem.errors(include_input=False)]
        raise Invalid("\n".join(lines)) from None
