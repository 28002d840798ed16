"""google-cloud-aiplatform: custom jobs that are Python packages, built here and installed without a network."""

import io
import tarfile

import pytest
import requests
from conftest import PROJECT, TRAINER, URL, Token
from google.api_core import exceptions
from google.cloud import aiplatform, storage
from test_jobs import ANN, logs

IMAGE = "europe-docker.pkg.dev/vertex-ai/training/tf-cpu.2-17.py310:latest"
# A way of building that needs nothing: setuptools would be downloaded.
BACKEND = '''
import os, zipfile

def build_wheel(directory, config_settings=None, metadata_directory=None):
    name = "NAME-VERSION-py3-none-any.whl"
    info = "NAME-VERSION.dist-info/"
    with zipfile.ZipFile(os.path.join(directory, name), "w") as wheel:
        for folder, _, files in os.walk("NAME"):
            for file in files:
                wheel.write(os.path.join(folder, file))
        wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: NAME\\nVersion: VERSION\\n")
        wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(info + "RECORD", "")
    return name
'''
PROJECT_FILE = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
TASK = """
import os, sys
import helper.words
print(helper.words.GREETING, sys.argv[1:], os.environ["RATE"], os.environ["CLOUD_ML_PROJECT_ID"])
print(open("/gcs/acme-dev-packages/data.txt").read())
print(sys.prefix, os.stat(sys.prefix).st_ino)
"""


def sdist(name, version, files):
    """The source distribution of a package."""
    backend = BACKEND.replace("NAME", name).replace("VERSION", version)
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    own = {"pyproject.toml": PROJECT_FILE, "backend.py": backend, "PKG-INFO": about, f"{name}/__init__.py": ""}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for path, text in {**own, **{f"{name}/{path}": text for path, text in files.items()}}.items():
            member = tarfile.TarInfo(f"{name}-{version}/{path}")
            member.size, member.mtime = len(text.encode()), 1_700_000_000
            archive.addfile(member, io.BytesIO(text.encode()))
    return packed.getvalue()


@pytest.fixture
def bucket():
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "trainer"})
    client = storage.Client(project=PROJECT, credentials=Token("ann"))
    return client.lookup_bucket("acme-dev-packages") or client.create_bucket("acme-dev-packages")


def put(bucket, name, content):
    bucket.blob(name).upload_from_string(content)
    return f"gs://{bucket.name}/{name}"


def job(uris, module="trainer.task", **more):
    package = {"executor_image_uri": IMAGE, "package_uris": uris, "python_module": module, **more}
    pools = [{"machine_spec": {"machine_type": "n1-standard-4"}, "replica_count": 1, "python_package_spec": package}]
    return aiplatform.CustomJob(display_name="package", worker_pool_specs=pools)


def test_packages_are_installed_and_a_module_of_them_runs(bucket):
    put(bucket, "data.txt", "of the bucket")
    uris = [
        put(bucket, "dist/trainer-0.1.tar.gz", sdist("trainer", "0.1", {"task.py": TASK})),
        put(bucket, "dist/helper-1.0.tar.gz", sdist("helper", "1.0", {"words.py": "GREETING = 'hello'"})),
    ]
    environments = set()
    for _ in range(2):
        run = job(uris, args=["--rate", "0.5"], env=[{"name": "RATE", "value": "0.5"}])
        run.run(service_account=TRAINER, sync=True)
        said = [line for severity, line in logs(run.name) if severity == "INFO"]
        assert said[:2] == [f"hello ['--rate', '0.5'] 0.5 {PROJECT}", "of the bucket"]
        environments.add(said[2])
    # The second run finds what the first one installed.
    assert len(environments) == 1
    # Another content of the same name is another package.
    uris[1] = put(bucket, "dist/helper-1.0.tar.gz", sdist("helper", "1.0", {"words.py": "GREETING = 'other'"}))
    run = job(uris, env=[{"name": "RATE", "value": "1"}])
    run.run(service_account=TRAINER, sync=True)
    assert ("INFO", f"other [] 1 {PROJECT}") in logs(run.name)


def test_packages_that_cannot_be_installed_fail_the_job(bucket):
    broken = put(bucket, "broken-0.1.tar.gz", b"no archive")
    run = job([broken], "broken")
    with pytest.raises(RuntimeError, match="The Python packages could not be installed: pip exited with a non-zero status of"):
        run.run(service_account=TRAINER, sync=True)
    assert any(severity == "ERROR" for severity, _ in logs(run.name))
    with pytest.raises(RuntimeError, match="gs://acme-dev-packages/none.tar.gz does not exist"):
        job([f"gs://{bucket.name}/none.tar.gz"]).run(service_account=TRAINER, sync=True)
    whole = put(bucket, "whole-0.1.tar.gz", sdist("whole", "0.1", {}))
    with pytest.raises(RuntimeError, match="workerpool0-0 exited with a non-zero status of 1"):
        job([whole], "whole.none").run(service_account=TRAINER, sync=True)
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "stranger"})
    with pytest.raises(RuntimeError, match="cannot be read: .*storage.objects.get"):
        job([whole]).run(service_account=f"stranger@{PROJECT}.iam.gserviceaccount.com", sync=True)


def test_what_is_no_package_is_refused(bucket):
    with pytest.raises(exceptions.BadRequest, match="package_uris must have 1 to 100"):
        job([]).run(sync=True)
    with pytest.raises(exceptions.BadRequest, match="python_package_spec.python_module"):
        job(["gs://x/y.tar.gz"], module="").run(sync=True)
