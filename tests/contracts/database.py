"""What every database must do. An implementation's test class inherits this and gives a `database` fixture."""

from __future__ import annotations

from tests.contracts.followers import FollowerContract
from tests.contracts.own_readers import OwnReaderContract
from tests.contracts.schema import SchemaContract
from tests.contracts.statements import StatementContract
from tests.contracts.submitting import SubmitContract
from tests.contracts.transactions import TransactionContract


class DatabaseContract(
    TransactionContract, SubmitContract, FollowerContract, StatementContract, OwnReaderContract, SchemaContract
):
    """All of it."""
