"""google-cloud-aiplatform: models, versions, endpoints and predictions of servers that really run."""

import json
import sys

import pytest
import requests
from conftest import TRAINER, URL, Token
from google.api_core import exceptions
from google.cloud import aiplatform, storage

SERVER = r"""
import http.server, json, os
class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, code, body):
        body = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def do_GET(self):
        self.answer(200 if self.path == os.environ["AIP_HEALTH_ROUTE"] else 404, {})
    def do_POST(self):
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path != os.environ["AIP_PREDICT_ROUTE"]:
            return self.answer(404, {"error": "no such route"})
        if any("bad" == one for one in sent["instances"]):
            return self.answer(400, {"error": "bad instance"})
        if "die" in sent["instances"]:
            os._exit(1)
        self.answer(200, {"predictions": [[os.environ["FACTOR"], one] for one in sent["instances"]]})
    def log_message(self, *args):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["AIP_HTTP_PORT"])), Handler).serve_forever()
"""


def upload(name="iris", factor="1", **more):
    return aiplatform.Model.upload(
        display_name=name,
        serving_container_image_uri="registry.acme.com/iris-server",
        serving_container_command=[sys.executable, "-c", SERVER],
        serving_container_health_route="/health",
        serving_container_predict_route="/predict",
        serving_container_environment_variables={"FACTOR": factor},
        **more,
    )


def test_versions_and_aliases():
    first = upload(model_id="iris-versions")
    assert first.version_id == "1"
    assert first.version_aliases == ["default"]
    second = upload(parent_model=first.resource_name, is_default_version=False, version_aliases=["challenger"])
    assert second.version_id == "2"
    registry = aiplatform.models.ModelRegistry(first.resource_name)
    assert [version.version_id for version in registry.list_versions()] == ["1", "2"]
    registry.add_version_aliases(["default"], "challenger")
    assert aiplatform.Model(first.resource_name).version_id == "2"
    assert aiplatform.Model(f"{first.resource_name}@1").version_aliases == []
    registry.delete_version("1")
    with pytest.raises(exceptions.NotFound):
        aiplatform.Model(f"{first.resource_name}@1")
    with pytest.raises(exceptions.BadRequest):
        registry.delete_version("2")
    with pytest.raises(exceptions.Conflict):
        upload(model_id="iris-versions")
    second.update(description="the second")
    assert aiplatform.Model(first.resource_name).description == "the second"
    aiplatform.Model(first.resource_name).delete()
    assert aiplatform.Model.list(filter='display_name="iris"') == []


def test_a_model_is_deployed_and_predicts():
    model = upload(name="served")
    endpoint = aiplatform.Endpoint.create(display_name="iris", endpoint_id="iris")
    model.deploy(endpoint=endpoint, machine_type="n1-standard-4", min_replica_count=1, max_replica_count=1)
    answer = endpoint.predict(instances=[1, "two", [3]])
    assert answer.predictions == [["1", 1], ["1", "two"], ["1", [3]]]
    assert answer.model_resource_name == model.resource_name
    assert answer.model_version_id == "1"
    # The client's own raw_predict goes to Google whatever endpoint it is given.
    at = f"{URL}/v1/{endpoint.resource_name}:rawPredict"
    raw = requests.post(at, headers={"Authorization": "Bearer ann"}, json={"instances": [4]})
    assert raw.json() == {"predictions": [["1", 4]]}
    with pytest.raises(exceptions.BadRequest, match="bad instance"):
        endpoint.predict(instances=["bad"])
    with pytest.raises(exceptions.BadRequest, match="undeploy"):
        endpoint.delete()
    with pytest.raises(exceptions.BadRequest, match="undeploy"):
        model.delete()
    other = aiplatform.Endpoint(endpoint.resource_name, credentials=Token("bob"))
    with pytest.raises(exceptions.Forbidden, match="aiplatform.endpoints"):
        other.predict(instances=[1])
    endpoint.undeploy_all()
    with pytest.raises(exceptions.BadRequest):
        endpoint.predict(instances=[1])
    endpoint.delete()
    model.delete()


def test_traffic_is_split():
    endpoint = aiplatform.Endpoint.create(display_name="split")
    a, b = upload(name="a", factor="a"), upload(name="b", factor="b")
    a.deploy(endpoint=endpoint, machine_type="n1-standard-4")
    b.deploy(endpoint=endpoint, machine_type="n1-standard-4", traffic_percentage=20)
    answers = [endpoint.predict(instances=[0]).predictions[0][0] for _ in range(100)]
    assert (answers.count("a"), answers.count("b")) == (80, 20)
    endpoint.delete(force=True)


def test_a_batch_is_predicted_line_by_line():
    client = storage.Client(project="acme-dev", credentials=Token("ann"))
    bucket = client.create_bucket("acme-dev-batch")
    for part, numbers in [("a", range(70)), ("b", range(70, 100))]:
        lines = "\n".join(str(number) for number in numbers)
        bucket.blob(f"in/{part}.jsonl").upload_from_string(lines)
    model = upload(name="batch", factor="x")
    requests.post(f"{URL}/v1/projects/acme-dev/serviceAccounts", headers={"Authorization": "Bearer ann"}, json={"accountId": "trainer"})

    def predict(source, **more):
        return model.batch_predict(
            job_display_name="batch",
            gcs_source=source,
            gcs_destination_prefix="gs://acme-dev-batch/out",
            machine_type="n1-standard-4",
            service_account=TRAINER,
            **more,
        )

    job = predict("gs://acme-dev-batch/in/*", batch_size=16)
    assert job.state.name == "JOB_STATE_SUCCEEDED"
    assert job.completion_stats.successful_count == 100
    lines = [json.loads(line) for blob in job.iter_outputs() if "results" in blob.name for line in blob.download_as_text().splitlines()]
    assert [line["instance"] for line in lines] == list(range(100))
    assert lines[7] == {"instance": 7, "prediction": ["x", 7]}
    with pytest.raises(RuntimeError, match="No object is found"):
        predict("gs://acme-dev-batch/nothing.jsonl")
    bucket.blob("in/bad.jsonl").upload_from_string('"bad"\n')
    with pytest.raises(RuntimeError, match="No instance has a prediction"):
        predict("gs://acme-dev-batch/in/bad.jsonl")


def test_a_server_that_does_not_start_fails_the_deployment():
    model = aiplatform.Model.upload(
        display_name="broken",
        serving_container_image_uri="registry.acme.com/iris-server",
        serving_container_command=[sys.executable, "-c", "raise SystemExit(1)"],
    )
    endpoint = aiplatform.Endpoint.create(display_name="broken")
    with pytest.raises(exceptions.GoogleAPICallError, match="ended before it was healthy"):
        model.deploy(endpoint=endpoint, machine_type="n1-standard-4")
    assert endpoint.list_models() == []
    endpoint.delete()
