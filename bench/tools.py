"""nginx, its Lua module and wrk: found, or installed where that is ours to do."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PACKAGES = {"nginx": "nginx", "Lua in nginx": "libnginx-mod-http-lua", "wrk": "wrk"}
"""Debian's and Ubuntu's names."""

MODULES = ("ndk_http_module.so", "ngx_http_lua_module.so")
POLICY = Path("/usr/sbin/policy-rc.d")
INSTALL_TIMEOUT_S = 300


@dataclass(frozen=True, slots=True)
class Tools:
    """Paths. lua_modules: to be loaded in this order; empty without Lua."""

    nginx: str | None
    lua_modules: tuple[str, ...]
    wrk: str | None

    @property
    def missing(self) -> list[str]:
        """Names, as in PACKAGES."""
        have = {"nginx": self.nginx, "Lua in nginx": self.lua_modules, "wrk": self.wrk}
        return [name for name, found in have.items() if not found]

    def versions(self) -> dict[str, str]:
        """Of nginx and wrk, as they say themselves."""
        said = {"nginx": [self.nginx, "-v"], "wrk": [self.wrk, "-v"]}
        return {name: _first_line([*map(str, command)]) for name, command in said.items() if command[0]}


def find() -> Tools:
    """What is on this machine; what is missing is installed first, by root on a machine with apt-get.

    Says on standard error what is still missing and how to get it.
    """
    tools = _look()
    if tools.missing and _may_install():
        _install([PACKAGES[name] for name in tools.missing])
        tools = _look()
    if tools.missing:
        packages = " ".join(PACKAGES[name] for name in tools.missing)
        _say(f"Missing: {', '.join(tools.missing)}. On Debian and Ubuntu: sudo apt-get install {packages}")
    return tools


def _look() -> Tools:
    path = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    nginx = shutil.which("nginx", path=path)
    return Tools(nginx=nginx, lua_modules=_lua_modules(nginx), wrk=shutil.which("wrk", path=path))


def _lua_modules(nginx: str | None) -> tuple[str, ...]:
    if nginx is None:
        return ()
    said = subprocess.run([nginx, "-V"], check=False, capture_output=True, text=True, timeout=10).stderr
    folder = next((word.partition("=")[2] for word in said.split() if word.startswith("--modules-path=")), "")
    files = [Path(folder) / name for name in MODULES]
    return tuple(map(str, files)) if folder and all(file.is_file() for file in files) else ()


def _may_install() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get") is not None


def _install(packages: list[str]) -> None:
    _say(f"Installing {', '.join(packages)} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with _no_services_started():
        for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            done = subprocess.run(
                ["apt-get", "-q", *words], check=False, env=environment, capture_output=True, timeout=INSTALL_TIMEOUT_S
            )
            if done.returncode:
                _say(done.stderr.decode(errors="replace").strip())
                return


@contextmanager
def _no_services_started() -> Iterator[None]:
    """Debian starts what it installs; a web server on port 80 is not what a benchmark should leave behind.

    Source: Debian policy manual, section 9.3.3.2 (policy-rc.d).
    """
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n", encoding="utf-8")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def _first_line(command: list[str]) -> str:
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=10)
    return (done.stdout + done.stderr).strip().partition("\n")[0]


def _say(words: str) -> None:
    print(words, file=sys.stderr)
