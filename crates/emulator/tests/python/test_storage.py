"""google-cloud-storage against the embedded Cloud Storage."""

import base64
import concurrent.futures
import datetime
import gzip
import hashlib
import io
import os
import uuid

import google_crc32c
import pytest
import requests
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage
from google.oauth2.credentials import Credentials

URL = os.environ["CLOUD_URL"]
ANN = {"Authorization": "Bearer ann"}
KIB = 1024


def client_of(token):
    return storage.Client(
        project="acme-dev",
        credentials=Credentials(token) if token else AnonymousCredentials(),
        client_options={"api_endpoint": URL},
    )


@pytest.fixture(scope="module")
def client():
    return client_of("ann")


@pytest.fixture
def bucket(client):
    bucket = client.create_bucket(f"iris-{uuid.uuid4().hex[:12]}", location="europe-west4")
    yield bucket
    for blob in client.list_blobs(bucket, versions=True):
        bucket.blob(blob.name, generation=blob.generation).delete()
    bucket.delete()


def put(bucket, *names):
    for name in names:
        bucket.blob(name).upload_from_string(name)


def names(blobs):
    return [blob.name for blob in blobs]


def test_a_bucket_is_made_changed_and_removed(client):
    name = f"models-{uuid.uuid4().hex[:12]}"
    bucket = client.bucket(name)
    bucket.storage_class = "NEARLINE"
    bucket.labels = {"team": "iris"}
    bucket.versioning_enabled = True
    bucket.create(location="europe-west4")
    assert (bucket.location, bucket.storage_class, bucket.labels) == ("EUROPE-WEST4", "NEARLINE", {"team": "iris"})
    assert bucket.iam_configuration.uniform_bucket_level_access_enabled
    with pytest.raises(exceptions.Conflict, match="already own it"):
        client.create_bucket(name)
    labels = bucket.labels
    labels["stage"] = "dev"
    bucket.labels = labels
    bucket.versioning_enabled = False
    bucket.patch()
    again = client.get_bucket(name)
    assert again.labels == {"team": "iris", "stage": "dev"}
    assert not again.versioning_enabled
    assert again.metageneration == 2
    with pytest.raises(exceptions.PreconditionFailed):
        again.patch(if_metageneration_match=1)
    assert name in [found.name for found in client.list_buckets(prefix="models-", page_size=1)]
    put(again, "a")
    with pytest.raises(exceptions.Conflict, match="not empty"):
        again.delete()
    again.delete(force=True)
    assert not again.exists()
    with pytest.raises(exceptions.NotFound, match="bucket does not exist"):
        client.get_bucket(name)
    with pytest.raises(exceptions.BadRequest, match="Invalid bucket name"):
        client.create_bucket("My_Google")


@pytest.mark.parametrize("size", [0, 1, 300 * KIB, 5 * KIB * KIB + 1])
def test_contents_come_back(bucket, size):
    content = os.urandom(size)
    blob = bucket.blob("data/content.bin")
    blob.upload_from_file(io.BytesIO(content), size=size, content_type="application/x-data", checksum="md5")
    found = bucket.get_blob("data/content.bin")
    assert found.size == size
    assert found.content_type == "application/x-data"
    assert found.md5_hash == base64.b64encode(hashlib.md5(content).digest()).decode()
    assert found.crc32c == base64.b64encode(google_crc32c.Checksum(content).digest()).decode()
    assert found.download_as_bytes(checksum="md5") == content
    assert found.download_as_bytes(checksum="crc32c") == content
    assert blob.download_as_bytes() == content
    if size > 100:
        assert blob.download_as_bytes(start=10, end=19) == content[10:20]
        assert blob.download_as_bytes(start=size - 5) == content[-5:]
        assert blob.download_as_bytes(start=-7) == content[-7:]
        with pytest.raises(exceptions.RequestRangeNotSatisfiable):
            blob.download_as_bytes(start=size)


def test_a_resumable_upload_in_small_chunks(bucket):
    content = os.urandom(2 * KIB * KIB + 17)
    blob = bucket.blob("chunked", chunk_size=256 * KIB)
    blob.metadata = {"run": "7"}
    blob.upload_from_file(io.BytesIO(content), size=len(content), if_generation_match=0, checksum="crc32c")
    assert blob.download_as_bytes() == content
    assert bucket.get_blob("chunked").metadata == {"run": "7"}
    # A stream whose size is not known, and a download in chunks.
    unknown = bucket.blob("unknown", chunk_size=256 * KIB)
    unknown.upload_from_file(io.BytesIO(content))
    assert unknown.size == len(content)
    assert unknown.download_as_bytes() == content
    blob = bucket.blob("written")
    with blob.open("wb", chunk_size=256 * KIB) as file:
        for start in range(0, len(content), 100_000):
            file.write(content[start : start + 100_000])
    with bucket.blob("written").open("rb", chunk_size=300 * KIB) as file:
        assert file.read(10) == content[:10]
        file.seek(1_000_000)
        assert file.read(10) == content[1_000_000:1_000_010]
        assert file.read() == content[1_000_010:]


def test_a_session_says_what_it_has(bucket):
    content = os.urandom(600 * KIB)
    at = bucket.blob("resumed").create_resumable_upload_session(content_type="text/plain", size=len(content))
    empty = requests.put(at, headers={"Content-Range": f"bytes */{len(content)}"})
    assert (empty.status_code, empty.headers.get("Range")) == (308, None)
    first = requests.put(at, data=content[: 256 * KIB], headers={"Content-Range": f"bytes 0-262143/{len(content)}"})
    assert (first.status_code, first.headers["Range"]) == (308, "bytes=0-262143")
    gap = requests.put(at, data=b"x", headers={"Content-Range": f"bytes 300000-300000/{len(content)}"})
    assert gap.status_code == 503
    status = requests.put(at, headers={"Content-Range": "bytes */*"})
    assert (status.status_code, status.headers["Range"]) == (308, "bytes=0-262143")
    # A chunk that begins with what was received before.
    rest = requests.put(at, data=content[1000:], headers={"Content-Range": f"bytes 1000-{len(content) - 1}/{len(content)}"})
    assert rest.status_code == 200, rest.text
    assert rest.json()["contentType"] == "text/plain"
    again = requests.put(at, data=content[1000:], headers={"Content-Range": f"bytes 1000-{len(content) - 1}/{len(content)}"})
    assert again.json()["generation"] == rest.json()["generation"]
    assert bucket.blob("resumed").download_as_bytes() == content
    cancelled = bucket.blob("cancelled").create_resumable_upload_session()
    assert requests.delete(cancelled).status_code == 499
    assert requests.put(cancelled, data=b"x").status_code == 404


def test_a_wrong_checksum_is_refused(bucket):
    at = f"{URL}/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=wrong"
    for sums in ["crc32c=AAAAAA==", "md5=1B2M2Y8AsgTpgAmY7PhCfg==", "crc32c=yZRlqg==,md5=AAAA"]:
        refused = requests.post(at, data=b"hello world", headers=ANN | {"x-goog-hash": sums})
        assert refused.status_code == 400, sums
        assert "doesn't match calculated" in refused.json()["error"]["message"]
    assert not bucket.blob("wrong").exists()
    right = requests.post(at, data=b"hello world", headers=ANN | {"x-goog-hash": "crc32c=yZRlqg=="})
    assert right.status_code == 200, right.text
    found = requests.get(f"{right.json()['selfLink']}?alt=media", headers=ANN)
    assert found.headers["x-goog-hash"] == "crc32c=yZRlqg==,md5=XrY7u+Ae7tCTyyK7j1rNww=="


@pytest.mark.parametrize(
    "name", ["a b+c", "a/b%2Fc", "../../etc/passwd", "/a//b/", "日本/ü", "a:cancel", "#?&=", "a/b/compose", "x" * 1024]
)
def test_names_are_only_names(bucket, name):
    put(bucket, name)
    blob = bucket.get_blob(name)
    assert blob.name == name
    assert blob.download_as_text() == name
    assert names(bucket.list_blobs()) == [name]
    # Through the links that the answer has.
    assert requests.get(blob.media_link, headers=ANN).content.decode() == name
    assert requests.get(blob.self_link, headers=ANN).json()["name"] == name


@pytest.mark.parametrize("name", [".", "..", "a\0b", "a\nb", "x" * 1025, ".well-known/acme-challenge/a"])
def test_what_is_no_name_is_refused(bucket, name):
    with pytest.raises(exceptions.BadRequest, match="Invalid object name"):
        put(bucket, name)


def test_lists(client, bucket):
    put(bucket, "a/1", "a/2", "a/b/3", "b", "c/4", "d")
    assert names(bucket.list_blobs()) == ["a/1", "a/2", "a/b/3", "b", "c/4", "d"]
    assert names(bucket.list_blobs(prefix="a/")) == ["a/1", "a/2", "a/b/3"]
    top = bucket.list_blobs(delimiter="/")
    assert (names(top), sorted(top.prefixes)) == (["b", "d"], ["a/", "c/"])
    below = bucket.list_blobs(prefix="a/", delimiter="/")
    assert (names(below), sorted(below.prefixes)) == (["a/1", "a/2"], ["a/b/"])
    assert names(bucket.list_blobs(start_offset="a/2", end_offset="d")) == ["a/2", "a/b/3", "b", "c/4"]
    for size in [1, 2, 3, 5]:
        assert names(bucket.list_blobs(page_size=size)) == ["a/1", "a/2", "a/b/3", "b", "c/4", "d"]
        paged = bucket.list_blobs(delimiter="/", page_size=size)
        assert (names(paged), sorted(paged.prefixes)) == (["b", "d"], ["a/", "c/"])
    assert names(bucket.list_blobs(max_results=2)) == ["a/1", "a/2"]
    assert names(bucket.list_blobs(prefix="nothing")) == []


def test_what_is_said_of_an_object_is_kept(bucket):
    blob = bucket.blob("said")
    blob.metadata = {"accuracy": "0.97", "stage": "dev"}
    blob.custom_time = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    blob.cache_control = "no-store"
    blob.content_language = "en"
    blob.content_disposition = "attachment"
    blob.upload_from_string("x", content_type="text/csv")
    found = bucket.get_blob("said")
    assert found.metadata == {"accuracy": "0.97", "stage": "dev"}
    assert found.custom_time == blob.custom_time
    assert (found.cache_control, found.content_language, found.content_type) == ("no-store", "en", "text/csv")
    first = found.metageneration
    found.metadata = {"accuracy": "0.98", "stage": None}
    found.content_type = "text/plain"
    found.patch(if_metageneration_match=first)
    again = bucket.get_blob("said")
    assert (again.metadata, again.content_type, again.metageneration) == ({"accuracy": "0.98"}, "text/plain", first + 1)
    assert again.generation == blob.generation
    with pytest.raises(exceptions.PreconditionFailed):
        found.patch(if_metageneration_match=first)
    again.content_language = "de"
    again.update()
    assert bucket.get_blob("said").content_language == "de"
    again.update_storage_class("COLDLINE")
    assert bucket.get_blob("said").storage_class == "COLDLINE"


def test_what_is_compressed_is_left_so(bucket):
    content = b"iris " * 1000
    blob = bucket.blob("data.txt.gz")
    blob.content_encoding = "gzip"
    blob.upload_from_string(gzip.compress(content))
    assert blob.download_as_bytes() == content
    assert gzip.decompress(blob.download_as_bytes(raw_download=True)) == content


def test_preconditions(bucket):
    blob = bucket.blob("claim")
    blob.upload_from_string("first", if_generation_match=0)
    first = blob.generation
    with pytest.raises(exceptions.PreconditionFailed, match="pre-conditions"):
        bucket.blob("claim").upload_from_string("second", if_generation_match=0)
    assert blob.download_as_text() == "first"
    blob.upload_from_string("second", if_generation_match=first)
    assert blob.generation > first
    with pytest.raises(exceptions.PreconditionFailed):
        blob.delete(if_generation_match=first)
    with pytest.raises(exceptions.PreconditionFailed):
        blob.download_as_bytes(if_generation_match=first)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("claim", generation=first).download_as_bytes()
    with pytest.raises(exceptions.NotModified):
        blob.reload(if_generation_not_match=blob.generation)
    refused = requests.post(
        f"{URL}/upload/storage/v1/b/{bucket.name}/o?uploadType=media&name=claim&ifGenerationMatch=0", data=b"", headers=ANN
    )
    assert refused.status_code == 412
    assert refused.json()["error"]["errors"][0]["reason"] == "conditionNotMet"


@pytest.mark.parametrize("chunk_size", [None, 256 * KIB])
def test_one_of_many_callers_gets_a_claim(bucket, chunk_size):
    clients = [client_of("ann") for _ in range(8)]

    def claim(number, name):
        try:
            content = (str(number) * (600 * KIB if chunk_size else 1)).encode()
            blob = clients[number].bucket(bucket.name).blob(name, chunk_size=chunk_size)
            blob.upload_from_file(io.BytesIO(content), size=len(content), if_generation_match=0)
            return number
        except exceptions.PreconditionFailed:
            return None

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        for round_ in range(5 if chunk_size else 25):
            name = f"launch-{round_}"
            won = list(threads.map(claim, range(8), [name] * 8))
            winners = [number for number in won if number is not None]
            assert len(winners) == 1, won
            assert bucket.blob(name).download_as_text()[0] == str(winners[0])


def test_versions(client, bucket):
    bucket.versioning_enabled = True
    bucket.patch()
    blob = bucket.blob("model")
    generations = []
    for text in ["one", "two", "three"]:
        blob.upload_from_string(text)
        generations.append(blob.generation)
    assert generations == sorted(set(generations))
    listed = [(found.name, found.generation) for found in bucket.list_blobs(versions=True, page_size=1)]
    assert listed == [("model", generation) for generation in generations]
    assert bucket.blob("model", generation=generations[0]).download_as_text() == "one"
    bucket.blob("model").delete()
    assert not bucket.blob("model").exists()
    assert len(list(bucket.list_blobs(versions=True))) == 3
    restored = bucket.copy_blob(bucket.blob("model"), bucket, "model", source_generation=generations[1])
    assert restored.download_as_text() == "two"
    bucket.blob("model", generation=generations[0]).delete()
    with pytest.raises(exceptions.NotFound, match="No such object"):
        bucket.blob("model", generation=generations[0]).reload()


def test_objects_are_put_together(bucket):
    parts = []
    for number in range(3):
        blob = bucket.blob(f"part-{number}")
        blob.upload_from_string(f"part {number};", content_type="text/plain")
        parts.append(blob)
    whole = bucket.blob("whole")
    whole.content_type = "text/plain"
    whole.compose(parts, if_generation_match=0)
    assert whole.download_as_text() == "part 0;part 1;part 2;"
    assert (whole.component_count, whole.md5_hash, whole.size) == (3, None, 21)
    whole.compose([whole, parts[0]])
    assert whole.component_count == 4
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.blob("whole").compose(parts, if_generation_match=0)
    with pytest.raises(exceptions.NotFound):
        bucket.blob("other").compose([bucket.blob("nothing")])


def test_objects_are_copied_and_renamed(client, bucket):
    blob = bucket.blob("first")
    blob.metadata = {"stage": "dev"}
    blob.upload_from_string("content", content_type="text/plain")
    other = client.create_bucket(f"copies-{uuid.uuid4().hex[:12]}")
    copy = bucket.copy_blob(blob, other, "dir/second")
    assert (copy.metadata, copy.content_type, copy.md5_hash) == ({"stage": "dev"}, "text/plain", blob.md5_hash)
    target = other.blob("third")
    token, written, size = target.rewrite(blob)
    assert (token, written, size) == (None, 7, 7)
    blob.delete()
    assert copy.download_as_text() == "content"
    renamed = other.rename_blob(copy, "fourth")
    assert names(other.list_blobs()) == ["fourth", "third"]
    moved = other.move_blob(renamed, "fifth", if_source_generation_match=renamed.generation)
    assert (moved.download_as_text(), moved.metadata) == ("content", {"stage": "dev"})
    assert names(other.list_blobs()) == ["fifth", "third"]
    other.delete(force=True)


def test_a_batch(client, bucket):
    put(bucket, "a", "b/ü", "c")
    with client.batch():
        bucket.blob("a").delete()
        bucket.blob("b/ü").delete()
        blob = bucket.blob("c")
        blob.content_type = "text/csv"
        blob.patch()
    assert names(bucket.list_blobs()) == ["c"]
    assert bucket.get_blob("c").content_type == "text/csv"
    with pytest.raises(exceptions.NotFound):
        with client.batch():
            bucket.blob("c").delete()
            bucket.blob("nothing").delete()
    assert names(bucket.list_blobs()) == []


def test_who_may_do_nothing_is_told_so(client, bucket):
    put(bucket, "secret")
    bob = client_of("bob").bucket(bucket.name)
    who = "bob@acme.com does not have storage"
    resource = "denied on resource \\(or it may not exist\\)"
    for act in [
        lambda: bob.blob("secret").download_as_bytes(),
        lambda: bob.blob("secret").upload_from_string("mine"),
        lambda: bob.blob("other").upload_from_string("mine"),
        lambda: bob.blob("secret").delete(),
        lambda: bob.blob("secret").create_resumable_upload_session(),
        lambda: bob.copy_blob(bob.blob("secret"), bob, "other"),
        lambda: list(bob.list_blobs()),
        lambda: bob.reload(),
        lambda: bob.delete(),
        lambda: client_of("bob").create_bucket("bobs-bucket"),
        lambda: bob.get_iam_policy(),
    ]:
        with pytest.raises(exceptions.Forbidden, match=f"{who}.*{resource}"):
            act()
    nobody = requests.get(f"{URL}/storage/v1/b/{bucket.name}/o/secret?alt=media")
    assert nobody.status_code == 401
    error = nobody.json()["error"]
    assert error["message"].startswith("Anonymous caller does not have storage.objects.get access to the Google Cloud")
    assert error["errors"][0]["reason"] == "required"
    assert bob.test_iam_permissions(["storage.objects.get", "storage.buckets.get"]) == []
    assert bucket.test_iam_permissions(["storage.objects.get"]) == ["storage.objects.get"]
    assert bucket.blob("secret").download_as_text() == "secret"


def test_a_policy_lets_in(bucket):
    put(bucket, "public/a", "private/b")
    bob = client_of("bob").bucket(bucket.name)
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.version = 3
    policy.bindings = [
        {"role": "roles/storage.objectCreator", "members": {"user:bob@acme.com"}},
        {
            "role": "roles/storage.objectViewer",
            "members": {"allUsers"},
            "condition": {
                "title": "public",
                "expression": f'resource.name.startsWith("projects/_/buckets/{bucket.name}/objects/public/")',
            },
        },
    ]
    stale = policy.etag
    bucket.set_iam_policy(policy)
    assert bob.blob("public/a").download_as_text() == "public/a"
    assert client_of(None).bucket(bucket.name).blob("public/a").download_as_text() == "public/a"
    with pytest.raises(exceptions.Forbidden):
        bob.blob("private/b").download_as_bytes()
    bob.blob("new").upload_from_string("of bob")
    # To create is not to overwrite.
    with pytest.raises(exceptions.Forbidden, match="storage.objects.delete"):
        bob.blob("new").upload_from_string("again")
    with pytest.raises(exceptions.Forbidden, match="storage.objects.delete"):
        bob.blob("new", chunk_size=256 * KIB).upload_from_file(io.BytesIO(b"x" * 600 * KIB))
    assert bucket.blob("new").download_as_text() == "of bob"
    policy = bucket.get_iam_policy(requested_policy_version=3)
    policy.etag = stale
    with pytest.raises(exceptions.PreconditionFailed):
        bucket.set_iam_policy(policy)


def test_a_hold(bucket):
    put(bucket, "held")
    blob = bucket.get_blob("held")
    blob.temporary_hold = True
    blob.patch()
    with pytest.raises(exceptions.Forbidden, match="Temporary hold"):
        blob.delete()
    with pytest.raises(exceptions.Forbidden, match="Temporary hold"):
        blob.upload_from_string("other")
    blob.temporary_hold = False
    blob.patch()
    blob.delete()
