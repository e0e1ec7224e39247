"""What the Python programs share: walking through a plan, whatever the client."""

import asyncio
import json
import sys


def run(visited):
    """visited(visit, mode) answers what came of one visit, or raises what its user would be shown."""

    async def main(plan):
        return {visit["name"]: await _one(visited, visit, plan["mode"]) for visit in plan["visits"]}

    sys.stdout.write(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))


async def call(names, call_tool):
    """What came of calling each. call_tool(name, noted) answers (is it ok, content), and calls noted for progress."""
    return {name: await _call(name, call_tool) for name in names}


async def _one(visited, visit, mode):
    try:
        return await visited(visit, mode)
    except Exception as problem:  # noqa: BLE001  (whatever it is, it is what the user gets)
        return {"refused": _shown(problem)}


async def _call(name, call_tool):
    steps = []

    async def noted(progress, total, message):
        steps.append(progress)

    try:
        is_ok, content = await call_tool(name, noted)
    except Exception as problem:  # noqa: BLE001  (as above)
        return {"is_ok": False, "said": _shown(problem), "progress": len(steps)}
    said = " ".join(part.text for part in content if part.type == "text")
    return {"is_ok": is_ok, "said": said, "progress": len(steps)}


def _shown(problem):
    """The error itself: task groups wrap it in their own."""
    while isinstance(problem, BaseExceptionGroup):
        problem = problem.exceptions[0]
    return f"{type(problem).__name__}: {problem}"
