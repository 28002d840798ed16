"""google-cloud-aiplatform: schedules that start pipelines."""

import datetime
import time

import pytest
import requests
from conftest import LOCATION, PROJECT, TRAINER, URL, Token
from google.api_core import exceptions
from google.cloud import aiplatform
from kfp import dsl
from test_pipelines import ANN, job, places, shell  # noqa: F401

PATH = f"{URL}/v1/projects/{PROJECT}/locations/{LOCATION}/schedules"


@dsl.pipeline(name="nightly")
def nightly(text: str = "x"):
    shell(text=f"{text} {dsl.PIPELINE_JOB_SCHEDULE_TIME_UTC_PLACEHOLDER}")


def schedule(folder, **more):
    return aiplatform.PipelineJobSchedule(pipeline_job=job(nightly, folder), display_name="nightly", **more)


def test_a_schedule_starts_a_pipeline(tmp_path):
    made = schedule(tmp_path)
    made.create(cron="* * * * *", max_run_count=1, service_account=TRAINER)
    due = made.next_schedule_time if hasattr(made, "next_schedule_time") else made._gca_resource.next_run_time
    assert due.second == 0 and due.timestamp() > time.time() - 1
    deadline = time.time() + 90
    while made.state.name != "COMPLETED" and time.time() < deadline:
        time.sleep(0.2)
    assert made.state.name == "COMPLETED"
    made._sync_gca_resource()
    assert made._gca_resource.started_run_count == 1
    response = made._gca_resource.last_scheduled_run_response
    assert (response.scheduled_run_time, response.run_response) == (due, "OK")
    assert not made._gca_resource.next_run_time
    [run] = made.list_jobs(enable_simple_view=False)
    run.wait()
    assert run.state.name == "PIPELINE_STATE_SUCCEEDED"
    assert run.gca_resource.schedule_name == made.resource_name
    # It was told for which time it runs.
    task = next(detail for detail in run.task_details if detail.task_name == "shell")
    assert due.strftime("<x %Y-%m-%dT%H:%M:00Z>") in task.execution.metadata["output:written"]
    assert 0 <= (run.create_time - due).total_seconds() < 10


def test_a_schedule_is_changed_paused_and_resumed(tmp_path):
    made = schedule(tmp_path)
    made.create(cron="TZ=Europe/Berlin 0 2 1 1 *", service_account=TRAINER, max_concurrent_run_count=2)
    found = aiplatform.PipelineJobSchedule.get(made.resource_name)
    assert (found.state.name, found.cron, found.max_concurrent_run_count) == ("ACTIVE", "TZ=Europe/Berlin 0 2 1 1 *", 2)
    year = datetime.datetime.now(datetime.timezone.utc).year + 1
    assert found._gca_resource.next_run_time.isoformat() == f"{year}-01-01T01:00:00+00:00"
    found.update(cron="0 3 1 1 *", display_name="renamed", allow_queueing=True)
    found._sync_gca_resource()
    assert found.display_name == "renamed" and found.allow_queueing
    assert found._gca_resource.next_run_time.isoformat() == f"{year}-01-01T03:00:00+00:00"
    found.pause()
    assert found.state.name == "PAUSED"
    with pytest.raises(exceptions.BadRequest, match="PAUSED"):
        found.pause()
    found.resume(catch_up=True)
    found._sync_gca_resource()
    assert found.state.name == "ACTIVE" and found._gca_resource.last_resume_time
    listed = aiplatform.PipelineJobSchedule.list(filter='display_name="renamed"')
    assert [one.resource_name for one in listed] == [made.resource_name]
    found.delete()
    with pytest.raises(exceptions.NotFound):
        aiplatform.PipelineJobSchedule.get(made.resource_name)


def test_what_is_no_schedule_is_refused(tmp_path):
    for more, what in [
        ({"cron": "* * * *"}, "it has 4 fields"),
        ({"cron": "TZ=Mars/Base * * * * *"}, "no time zone"),
        ({"cron": "0 0 31 2 *"}, "would never run"),
        (
            {"cron": "* * * * *", "start_time": "2030-01-02T00:00:00Z", "end_time": "2030-01-01T00:00:00Z"},
            "end_time must be after start_time",
        ),
    ]:
        with pytest.raises(exceptions.BadRequest, match=what):
            schedule(tmp_path).create(service_account=TRAINER, **more)
    with pytest.raises(exceptions.Forbidden, match="iam.serviceAccounts.actAs"):
        schedule(tmp_path, credentials=Token("cleo")).create(cron="* * * * *", service_account=TRAINER)
    with pytest.raises(exceptions.Forbidden, match="aiplatform.schedules.create"):
        schedule(tmp_path, credentials=Token("bob")).create(cron="* * * * *", service_account=TRAINER)
    body = {"displayName": "x", "cron": "* * * * *", "maxConcurrentRunCount": "1"}
    notebook = {**body, "createNotebookExecutionJobRequest": {"parent": f"projects/{PROJECT}/locations/{LOCATION}"}}
    answer = requests.post(PATH, headers=ANN, json=notebook)
    assert answer.status_code == 501 and "createPipelineJobRequest" in answer.text
    monitoring = {**body, "createModelMonitoringJobRequest": {"parent": f"projects/{PROJECT}/locations/{LOCATION}"}}
    answer = requests.post(PATH.replace("/v1/", "/v1beta1/"), headers=ANN, json=monitoring)
    assert answer.status_code == 501 and "createPipelineJobRequest" in answer.text
