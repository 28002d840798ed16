"""google-cloud-aiplatform: custom jobs that really run."""

import subprocess
import sys
import time

import pytest
import requests
from conftest import LOCATION, PROJECT, TRAINER, URL, Token, python
from google.api_core import exceptions
from google.cloud import aiplatform, storage

ANN = {"Authorization": "Bearer ann"}


def logs(job_id):
    body = {
        "resourceNames": [f"projects/{PROJECT}"],
        "filter": f'resource.type="ml_job" resource.labels.job_id="{job_id}"',
        "pageSize": 1000,
    }
    page = requests.post(f"{URL}/v2/entries:list", headers=ANN, json=body).json()
    return [(entry["severity"], entry.get("textPayload") or entry.get("jsonPayload")) for entry in page.get("entries", [])]


def test_a_job_runs_to_its_end():
    code = "import os, sys; print('hello', os.environ['CLOUD_ML_PROJECT_ID']); print('careful', file=sys.stderr)"
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python(code))
    job.run(sync=True)
    assert job.state.name == "JOB_STATE_SUCCEEDED"
    assert sorted(logs(job.name)) == [("ERROR", "careful"), ("INFO", f"hello {PROJECT}")]


def test_a_job_that_fails_says_how():
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python("raise SystemExit(3)"))
    with pytest.raises(RuntimeError, match="workerpool0-0 exited with a non-zero status of 3"):
        job.run(sync=True)
    assert job.state.name == "JOB_STATE_FAILED"


def test_a_command_that_is_not_there_fails_the_job():
    pools = python("")
    pools[0]["container_spec"]["command"] = ["/no/such/program"]
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=pools)
    with pytest.raises(RuntimeError, match="could not be started"):
        job.run(sync=True)


def test_a_job_is_cancelled_though_it_ignores_the_signal():
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python(code))
    job.submit()
    deadline = time.time() + 30
    while not logs(job.name) and time.time() < deadline:
        time.sleep(0.05)
    job.cancel()
    while job.state.name != "JOB_STATE_CANCELLED" and time.time() < deadline:
        time.sleep(0.05)
    assert job.state.name == "JOB_STATE_CANCELLED"


def test_jobs_are_listed_and_deleted():
    job = aiplatform.CustomJob(display_name="to be found", worker_pool_specs=python("pass"), labels={"team": "iris"})
    job.run(sync=True)
    found = aiplatform.CustomJob.list(filter='display_name="to be found"')
    assert [one.resource_name for one in found] == [job.resource_name]
    assert aiplatform.CustomJob.list(filter='labels.team="other"') == []
    job.delete()
    with pytest.raises(exceptions.NotFound):
        aiplatform.CustomJob.get(job.resource_name)


def test_a_job_of_several_replicas_knows_its_cluster():
    code = "import json, os; spec = json.loads(os.environ['CLUSTER_SPEC']); print(spec['task']['type'], spec['task']['index'], len(spec['cluster']['workerpool1']))"
    pools = python(code + "; import time; time.sleep(0.5)") + python(code)
    pools[1]["replica_count"] = 2
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=pools)
    job.run(sync=True)
    lines = sorted(line for _, line in logs(job.name))
    assert lines == ["workerpool0 0 2", "workerpool1 0 2", "workerpool1 1 2"]


def test_who_may_not_act_as_an_account_may_not_run_as_it():
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "trainer"})
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python("pass"), credentials=Token("cleo"))
    with pytest.raises(exceptions.Forbidden, match="iam.serviceAccounts.actAs"):
        job.run(service_account=TRAINER, sync=True)
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python("pass"), credentials=Token("bob"))
    with pytest.raises(exceptions.Forbidden, match="aiplatform.customJobs.create"):
        job.run(sync=True)


def test_a_job_has_the_identity_of_its_account():
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "trainer"})
    code = (
        "import google.auth, google.auth.transport.requests as r\n"
        "c, p = google.auth.default()\n"
        "c.refresh(r.Request())\n"
        "print(p, c.service_account_email)"
    )
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python(code))
    job.run(service_account=TRAINER, sync=True)
    assert ("INFO", f"{PROJECT} {TRAINER}") in logs(job.name)


def can_mount():
    """Whether a process may have a /gcs of its own here."""
    probe = ["unshare", "--mount", "sh", "-c", "mkdir -p /gcs && mount --bind /tmp /gcs"]
    return subprocess.run(probe, capture_output=True).returncode == 0


@pytest.mark.skipif(not can_mount(), reason="nothing can be mounted here")
def test_a_job_reads_and_writes_its_buckets():
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "trainer"})
    client = storage.Client(project=PROJECT, credentials=Token("ann"))
    bucket = client.create_bucket("acme-dev-iris")
    bucket.blob("data/train.csv").upload_from_string("1,2,3")
    code = (
        "import os\n"
        "text = open('/gcs/acme-dev-iris/data/train.csv').read()\n"
        "model = os.environ['AIP_MODEL_DIR'].replace('gs://', '/gcs/')\n"
        "os.makedirs(model)\n"
        "open(model + 'model.txt', 'w').write(text + ',4')\n"
        "from google.cloud import storage\n"
        "b = storage.Client().bucket('acme-dev-iris')\n"
        "b.blob('by-client').upload_from_string(b.blob('data/train.csv').download_as_bytes())\n"
    )
    job = aiplatform.CustomJob(
        display_name="iris", worker_pool_specs=python(code), base_output_dir="gs://acme-dev-iris/out"
    )
    job.run(service_account=TRAINER, sync=True)
    assert bucket.blob("out/model/model.txt").download_as_text() == "1,2,3,4"
    assert bucket.blob("by-client").download_as_text() == "1,2,3"
    # One who may not read the bucket does not see it.
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "stranger"})
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python(code), base_output_dir="gs://acme-dev-iris/out")
    with pytest.raises(RuntimeError, match="status of 1"):
        job.run(service_account="stranger@acme-dev.iam.gserviceaccount.com", sync=True)


TRIAL = """
import argparse, hypertune
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--layers", type=int)
args = parser.parse_args()
if args.layers == 3:
    raise SystemExit(1)
hypertune.HyperTune().report_hyperparameter_tuning_metric("accuracy", 1 - abs(args.lr - 0.5) / args.layers, global_step=7)
"""


def tuning(**more):
    from google.cloud.aiplatform import hyperparameter_tuning as hpt

    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python(TRIAL))
    return aiplatform.HyperparameterTuningJob(
        display_name="tune",
        custom_job=job,
        metric_spec={"accuracy": "maximize"},
        parameter_spec={
            "lr": hpt.DoubleParameterSpec(min=0, max=1, scale="linear"),
            "layers": hpt.IntegerParameterSpec(min=1, max=3, scale="linear"),
        },
        **more,
    )


def test_a_tuning_job_tries_every_point_of_its_grid():
    job = tuning(max_trial_count=15, parallel_trial_count=4, search_algorithm="grid")
    job.run(sync=True)
    assert job.state.name == "JOB_STATE_SUCCEEDED"
    points = {tuple(parameter.value for parameter in trial.parameters) for trial in job.trials}
    assert len(points) == 15
    done = [trial for trial in job.trials if trial.state.name == "SUCCEEDED"]
    assert len(done) == 10
    best = max(done, key=lambda trial: trial.final_measurement.metrics[0].value)
    assert best.final_measurement.metrics[0].value == 1.0
    assert best.final_measurement.step_count == 7
    assert {trial.state.name for trial in job.trials} == {"SUCCEEDED", "INFEASIBLE"}


def test_a_tuning_job_gives_up_after_so_many_failures():
    job = tuning(max_trial_count=40, parallel_trial_count=1, max_failed_trial_count=2, search_algorithm="random")
    with pytest.raises(RuntimeError, match="of its trials failed"):
        job.run(sync=True)


def test_a_body_without_a_pool_is_refused():
    at = f"{URL}/v1/projects/{PROJECT}/locations/{LOCATION}/customJobs"
    answer = requests.post(at, headers=ANN, json={"displayName": "iris", "jobSpec": {}})
    assert answer.status_code == 400
    assert answer.json()["error"]["status"] == "INVALID_ARGUMENT"
    assert "worker_pool_specs" in answer.json()["error"]["message"]


def test_no_machines_fail_the_job():
    fault = {"method": "POST", "path": "customJobs", "effect": "stockOut"}
    requests.post(f"{URL}/emulator/faults", json=fault)
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python("pass"))
    with pytest.raises(RuntimeError, match="Resources are insufficient"):
        job.run(sync=True)


def test_a_job_that_takes_too_long_is_ended():
    job = aiplatform.CustomJob(display_name="iris", worker_pool_specs=python("import time; time.sleep(600)"))
    with pytest.raises(RuntimeError, match="longer than its timeout"):
        job.run(timeout=1, sync=True)
    assert sys.version_info
