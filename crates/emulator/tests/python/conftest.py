"""What the tests of Vertex AI share."""

import os
import sys

import pytest
from google.cloud import aiplatform
from google.cloud.aiplatform import jobs
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
    aiplatform.init(
        project=PROJECT,
        location=LOCATION,
        credentials=Token("ann"),
        staging_bucket="gs://acme-dev-staging",
        api_endpoint=URL,
        api_transport="rest",
    )


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
