"""UUIDs as they come from outside: in addresses, forms, settings and files."""

from uuid import UUID


def read(text: str) -> UUID | None:
    """The UUID that `text` is; None for anything else."""
    try:
        return UUID(text)
    except ValueError:
        return None
