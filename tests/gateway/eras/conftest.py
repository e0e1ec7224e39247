from tests.gateway.conftest import open_gateway, open_sqlite_gateway, patience, sqlite_engine

__all__ = ["open_gateway", "open_sqlite_gateway", "patience", "sqlite_engine"]
