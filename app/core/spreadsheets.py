"""What spreadsheets take for formulas, when they open a CSV file (OWASP, “CSV injection”)."""

_STARTS_A_FORMULA = ("=", "+", "-", "@", "\N{FULLWIDTH EQUALS SIGN}")


def harmless(value: object) -> object:
    """The cell as it goes into the file: people choose names, clients what they call themselves. Text that would be
    run, blanks before it or not, gets a ' before it.
    """
    return f"'{value}" if isinstance(value, str) and value.lstrip().startswith(_STARTS_A_FORMULA) else value
