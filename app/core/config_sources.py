"""Where settings come from besides the environment, and how a wrong one is told."""

import os
import re
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from app.core import errors

_JSON_SETTING = re.compile(r'error parsing value for field "(\w+)" from source "\w+"')


class SecretFiles(PydanticBaseSettingsSource):
    """Reads a setting from the file that `<PREFIX><NAME>_FILE` names; trailing new lines are dropped.

    prefix: of the environment's variables.
    """

    def __init__(self, settings_cls: type[BaseSettings], prefix: str) -> None:
        super().__init__(settings_cls)
        self._prefix = prefix

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{self._prefix}{field_name.upper()}_FILE")
        if path is None:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").rstrip("\r\n"), field_name, self.field_is_complex(field)
        except OSError as problem:
            raise errors.Invalid(
                f"{self._prefix}{field_name.upper()}_FILE: cannot read {path}: {problem.strerror}"
            ) from None

    def __call__(self) -> dict[str, Any]:
        found = {}
        for name, field in self.settings_cls.model_fields.items():
            value, key, is_complex = self.get_field_value(field, name)
            if value is not None:
                found[key] = self.prepare_field_value(name, field, value, is_complex)
        return found


def explain(problem: ValueError, prefix: str) -> str:
    """What pydantic found, one line per wrong setting, naming its variable; never with a value."""
    details = getattr(problem, "errors", None)
    if details is None:
        return _JSON_SETTING.sub(lambda found: f"{prefix}{found[1].upper()} must be JSON.", str(problem))
    lines = []
    for error in details(include_url=False, include_input=False):
        if error["type"] == "default_factory_not_called":
            continue  # follows from another line
        where = prefix + str(error["loc"][0]).upper() + ": " if error["loc"] else ""
        lines.append(where + str(error["msg"]).removeprefix("Value error, "))
    return "\n".join(lines)
