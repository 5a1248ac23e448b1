"""Reading CREATE INDEX statements and writing them again."""

from __future__ import annotations

import pytest

from appliance.core.collections.indexes import has_unique_index, parse_index


@pytest.mark.parametrize(
    ("statement", "written"),
    [
        pytest.param(
            "create index idx_a on posts (title)", "CREATE INDEX `idx_a` ON `posts` (`title`)", id="one column"
        ),
        pytest.param(
            '  CREATE  UNIQUE INDEX if not exists `i` on [posts] ( "a" collate nocase desc , n ASC ) where  n > 0  ',
            "CREATE UNIQUE INDEX IF NOT EXISTS `i` ON `posts` (\n  `a` COLLATE nocase DESC,\n  `n` ASC\n) WHERE n > 0",
            id="every part",
        ),
        pytest.param(
            "create index i on posts (substr(title,1,2), n)",
            "CREATE INDEX `i` ON `posts` (\n  substr(title,1,2),\n  `n`\n)",
            id="commas inside an expression",
        ),
        pytest.param(
            "create index i\non posts(a,)", "CREATE INDEX `i` ON `posts` (`a`)", id="no space, an empty column"
        ),
        pytest.param(
            "create index main.i on posts (a)", "CREATE INDEX `main`.`i` ON `posts` (`a`)", id="with a schema"
        ),
        pytest.param(
            "create index i on p (a) where a = 'x);('",
            "CREATE INDEX `i` ON `p` (`a`) WHERE a = 'x);('",
            id="brackets in a text",
        ),
    ],
)
def test_a_statement_is_written_in_one_form(statement: str, written: str) -> None:
    index = parse_index(statement)
    assert index is not None
    assert index.as_sql() == written
    assert parse_index(written) == index


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("", id="nothing"),
        pytest.param("create index on posts (a)", id="no name"),
        pytest.param("create index i on posts ()", id="no column"),
        pytest.param("create index `a b` on posts (a)", id="a space in the name"),
        pytest.param("create index i on posts (a) foo", id="something behind"),
        pytest.param("create index i on posts (a); drop table posts", id="a second statement"),
        pytest.param("create index i on posts (a) where", id="where without a condition"),
        pytest.param("create index i on posts (a)where a>1", id="where without a space"),
    ],
)
def test_what_is_no_create_index_is_refused(statement: str) -> None:
    assert parse_index(statement) is None


def test_only_a_unique_index_on_the_field_alone_makes_it_unique() -> None:
    assert has_unique_index(["create unique index i on p (`Email` collate nocase) where email != ''"], "email")
    assert not has_unique_index(["create index i on p (email)"], "email")
    assert not has_unique_index(["create unique index i on p (email, id)"], "email")


def test_a_long_text_is_read_in_a_moment() -> None:
    assert parse_index("create index " + "a on b(" * 20_000) is None
