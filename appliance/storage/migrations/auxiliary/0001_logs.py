"""The log of requests and events. Declared as the wire's original declares it."""

from typing import Any

LOGS = """CREATE TABLE IF NOT EXISTS `_logs` (
    `id`      TEXT PRIMARY KEY DEFAULT ('r'||lower(hex(randomblob(7)))) NOT NULL,
    `level`   INTEGER DEFAULT 0 NOT NULL,
    `message` TEXT DEFAULT '' NOT NULL,
    `data`    JSON DEFAULT '{}' NOT NULL,
    `created` TEXT DEFAULT (strftime('%Y-%m-%d %H:%M:%fZ')) NOT NULL
)"""


def up(migrator: Any, db: Any) -> None:
    """Make the table and its indexes."""
    db.execute_sql(LOGS)
    db.execute_sql("CREATE INDEX IF NOT EXISTS idx_logs_level ON `_logs` (`level`)")
    db.execute_sql("CREATE INDEX IF NOT EXISTS idx_logs_message ON `_logs` (`message`)")
    db.execute_sql(
        "CREATE INDEX IF NOT EXISTS idx_logs_created_hour ON `_logs` (strftime('%Y-%m-%d %H:00:00', `created`))"
    )
