"""What every file storage must do. An implementation's test class inherits these and gives a `files` fixture."""

from __future__ import annotations

import io
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from appliance.files.storage import FileStorage

KEY = "pbc_1/rec_1/photo_abc.png"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


class Broken(io.BytesIO):
    """A source that fails in the middle, as a client that hangs up does."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 0:
            raise ConnectionResetError("the client went away")
        return super().read(4)


class FileStorageContract:
    """Files: whole or not at all, found, listed and deleted by key."""

    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(content=st.binary(max_size=5000))
    def test_bytes_come_back_as_they_were(self, files: FileStorage, content: bytes) -> None:
        assert files.put(KEY, io.BytesIO(content)) == len(content)
        with files.open(KEY) as stored:
            assert stored.read() == content

    def test_a_large_file_is_stored_whole(self, files: FileStorage) -> None:
        content = bytes(range(256)) * 20_000
        files.put(KEY, io.BytesIO(content))
        found = files.find(KEY)
        assert found is not None
        assert found.size == len(content)

    def test_only_the_rest_of_the_source_is_stored(self, files: FileStorage) -> None:
        source = io.BytesIO(b"head and rest")
        source.seek(5)
        files.put(KEY, source, "text/plain")
        with files.open(KEY) as stored:
            assert stored.read() == b"and rest"

    def test_the_given_type_is_kept(self, files: FileStorage) -> None:
        files.put(KEY, io.BytesIO(b"x"), "image/x-own")
        found = files.find(KEY)
        assert found is not None
        assert found.content_type == "image/x-own"

    def test_without_a_type_it_is_found_in_the_content(self, files: FileStorage) -> None:
        files.put("c/r/no_extension", io.BytesIO(PNG))
        found = files.find("c/r/no_extension")
        assert found is not None
        assert found.content_type == "image/png"

    def test_a_key_that_is_not_there_is_none_and_can_not_be_opened(self, files: FileStorage) -> None:
        assert files.find(KEY) is None
        assert files.find("c/r/a/b") is None
        with pytest.raises(FileNotFoundError):
            files.open(KEY)

    def test_a_folder_is_not_a_file(self, files: FileStorage) -> None:
        files.put(KEY, io.BytesIO(b"x"))
        assert files.find("pbc_1/rec_1") is None

    def test_putting_again_replaces(self, files: FileStorage) -> None:
        files.put(KEY, io.BytesIO(b"first, and longer"))
        files.put(KEY, io.BytesIO(b"second"))
        with files.open(KEY) as stored:
            assert stored.read() == b"second"

    def test_a_source_that_fails_leaves_nothing(self, files: FileStorage) -> None:
        with pytest.raises(ConnectionResetError):
            files.put(KEY, Broken(b"never whole"), "text/plain")
        assert files.find(KEY) is None
        assert list(files.keys()) == []

    def test_a_source_that_fails_leaves_the_old_file(self, files: FileStorage) -> None:
        files.put(KEY, io.BytesIO(b"old"))
        with pytest.raises(ConnectionResetError):
            files.put(KEY, Broken(b"never whole"), "text/plain")
        with files.open(KEY) as stored:
            assert stored.read() == b"old"

    def test_a_file_is_deleted_once_or_twice(self, files: FileStorage) -> None:
        files.put(KEY, io.BytesIO(b"x"))
        files.delete(KEY)
        files.delete(KEY)
        assert list(files.keys()) == []

    def test_a_prefix_is_deleted_and_its_neighbours_stay(self, files: FileStorage) -> None:
        for key in ("c/one/a", "c/one/thumbs_a/100x100_a", "c/ones/a", "d/one/a"):
            files.put(key, io.BytesIO(b"x"))
        files.delete_prefix("c/one/")
        files.delete_prefix("c/nothing/")
        assert sorted(files.keys()) == ["c/ones/a", "d/one/a"]

    def test_a_prefix_to_delete_ends_at_a_folder(self, files: FileStorage) -> None:
        with pytest.raises(ValueError, match="slash"):
            files.delete_prefix("c/on")

    def test_keys_are_listed_by_prefix(self, files: FileStorage) -> None:
        for key in ("c/one/a", "c/one/b", "c/ones/a", "d/one/a"):
            files.put(key, io.BytesIO(b"x"))
        assert sorted(files.keys("c/one/")) == ["c/one/a", "c/one/b"]
        assert sorted(files.keys("c/one")) == ["c/one/a", "c/one/b", "c/ones/a"]
        assert len(list(files.keys())) == 4
        assert list(files.keys("nowhere/")) == []

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param("../secret", id="up"),
            pytest.param("c/../../secret", id="up in the middle"),
            pytest.param("/etc/passwd", id="absolute"),
            pytest.param("c/r/..", id="up at the end"),
            pytest.param("c/r/.", id="here"),
            pytest.param("c//a", id="an empty part"),
            pytest.param("c/r/", id="a slash at the end"),
            pytest.param("", id="empty"),
            pytest.param("c\\..\\..\\secret", id="backslashes"),
            pytest.param("c/r/a\0b", id="a NUL"),
            pytest.param("c/r/a\nb", id="a line break"),
            pytest.param("c/r/.hidden", id="hidden"),
            pytest.param(".incoming/x", id="our own folder"),
            pytest.param("c/r/a.attrs", id="a sidecar"),
            pytest.param("c/r/" + "a" * 300, id="too long a name"),
        ],
    )
    def test_a_key_that_leads_elsewhere_is_refused(self, files: FileStorage, key: str) -> None:
        for call in (files.open, files.find, files.delete, lambda name: files.put(name, io.BytesIO(b"x"))):
            with pytest.raises(ValueError, match="key"):
                call(key)

    def test_many_threads_fill_and_empty_one_folder(self, files: FileStorage) -> None:
        errors: list[BaseException] = []

        def work(number: int) -> None:
            try:
                for _ in range(25):
                    files.put(f"c/r/{number}", io.BytesIO(b"x"), "text/plain")
                    files.delete(f"c/r/{number}")
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert list(files.keys()) == []
