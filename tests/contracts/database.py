"""What every database must do. An implementation's test class inherits this and gives a `database` fixture."""

from __future__ import annotations

from tests.contracts.schema import SchemaContract
from tests.contracts.statements import StatementContract
from tests.contracts.transactions import TransactionContract


class DatabaseContract(TransactionContract, StatementContract, SchemaContract):
    """All of it."""
