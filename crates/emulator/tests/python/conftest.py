"""What the tests of Vertex AI share."""

import os
import sys

import pytest
from google.cloud import aiplatform, storage
from google.cloud.aiplatform import jobs, pipeline_jobs
from google.cloud.aiplatform.utils import resource_manager_utils
from google.oauth2.credentials import Credentials

URL = os.environ["CLOUD_URL"]
PROJECT = "acme-dev"
LOCATION = "europe-west4"
TRAINER = "trainer@acme-dev.iam.gserviceaccount.com"


class Token(Credentials):
    """A token that is not refreshed."""

    def refresh(self, request):
        raise AssertionError("the token was asked to be renewed")


@pytest.fixture(autouse=True)
def vertex():
    # A job here is over in a moment: the client need not wait for seconds.
    jobs._JOB_WAIT_TIME = 0.05
    pipeline_jobs._JOB_WAIT_TIME = 0.05
    # Before it starts a pipeline the client asks Resource Manager for the number of the project, by gRPC at an address that
    # cannot be set; without a network it waits for long, and goes on.
    resource_manager_utils.get_project_number = project_number
    aiplatform.init(
        project=PROJECT,
        location=LOCATION,
        credentials=Token("ann"),
        staging_bucket="gs://acme-dev-staging",
        api_endpoint=URL,
        api_transport="rest",
    )


def project_number(project_id, credentials=None):
    """The number that the buckets of the project say."""
    client = storage.Client(project=project_id, credentials=Token("ann"))
    return str(next(iter(client.list_buckets())).project_number)


def python(code):
    """A pool of one replica that runs some Python."""
    return [
        {
            "machine_spec": {"machine_type": "n1-standard-4"},
            "replica_count": 1,
            "container_spec": {
                "image_uri": "registry.acme.com/iris",
                "command": [sys.executable, "-c", code],
            },
        }
    ]
