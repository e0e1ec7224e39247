"""What runs inside each client’s own environment: one small program per client, told what to do by a plan in JSON.

A plan: {"mode": "legacy" | "auto" | "2026-07-28", "visits": [{"name", "url", "key", "calls": [tool, …]}, …]}.
Each visit connects, lists the tools and calls some. The program prints one object, visit by name:
{"version", "tools", "calls": {tool: {"is_ok", "said", "progress"}}}, or {"refused": words} if it came to
nothing. “said” and “refused” are what a user of that client would be shown.
"""
