"""google-cloud-aiplatform: pipelines that kfp compiled, which really run."""

import json
import os
import sys
import time
import warnings
from typing import List, NamedTuple

import pytest
import requests
import yaml
from conftest import LOCATION, PROJECT, TRAINER, URL, Token
from google.api_core import exceptions
from google.cloud import aiplatform, storage
from kfp import compiler, dsl
from kfp.dsl import Dataset, Input, Metrics, Model, Output

warnings.filterwarnings("ignore", category=FutureWarning)
ANN = {"Authorization": "Bearer ann"}
ROOT = "gs://acme-dev-pipelines/runs"
# Containers are processes here: this is where their Python finds kfp.
PATH = os.path.dirname(sys.executable) + ":" + os.environ["PATH"]


@pytest.fixture(autouse=True)
def places():
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "trainer"})
    client = storage.Client(project=PROJECT, credentials=Token("ann"))
    if client.lookup_bucket("acme-dev-pipelines") is None:
        client.create_bucket("acme-dev-pipelines")


def bucket():
    return storage.Client(project=PROJECT, credentials=Token("ann")).bucket("acme-dev-pipelines")


def compiled(pipeline, folder, **more):
    """The file of a pipeline as kfp compiles it."""
    file = str(folder / "pipeline.yaml")
    compiler.Compiler().compile(pipeline, file)
    with open(file) as opened:
        spec = next(yaml.safe_load_all(opened))
    for executor in spec["deploymentSpec"]["executors"].values():
        if "container" in executor:
            executor["container"].setdefault("env", []).append({"name": "PATH", "value": PATH})
    with open(file, "w") as opened:
        yaml.safe_dump(spec, opened)
    return file


def job(pipeline, folder, **more):
    return aiplatform.PipelineJob(
        display_name="iris", template_path=compiled(pipeline, folder), pipeline_root=ROOT, **more
    )


def tasks(job):
    """The tasks of a run by their names."""
    return {detail.task_name: detail for detail in job.task_details}


def states(job):
    return {name: detail.state.name for name, detail in tasks(job).items()}


def lines(detail):
    """What the container of a task wrote."""
    body = {
        "resourceNames": [f"projects/{PROJECT}"],
        "filter": f'resource.labels.job_id="{detail.executor_detail.container_detail.main_job.split("/")[-1]}"',
        "pageSize": 1000,
    }
    page = requests.post(f"{URL}/v2/entries:list", headers=ANN, json=body).json()
    return [entry.get("textPayload") for entry in page.get("entries", [])]


@dsl.component
def make(n: int, data: Output[Dataset], name: str = "iris", factor: float = None) -> int:
    with open(data.path, "w") as file:
        file.write(name * n)
    data.metadata["rows"] = n
    return n * 2


@dsl.component
def train(
    data: Input[Dataset], rate: float, model: Output[Model], metrics: Output[Metrics]
) -> NamedTuple("Trained", [("accuracy", float), ("tags", list)]):
    with open(data.path) as file, open(model.path, "w") as out:
        out.write(f"{file.read()} {data.metadata['rows']} {rate}")
    metrics.log_metric("accuracy", 1 - rate)
    return 1 - rate, ["a", "b"]


@dsl.component
def say(text: str) -> str:
    print(f"said {text}")
    return text


@dsl.component
def collect(models: Input[List[Model]], rates: List[float]) -> str:
    return ";".join(open(model.path).read() for model in models) + f" {rates}"


@dsl.container_component
def shell(text: str, written: dsl.OutputPath(str), made: Output[Dataset], extra: str = None):
    return dsl.ContainerSpec(
        image="busybox",
        command=["sh", "-c", 'printf "%s" "$*" > "$0"; cp "$0" "$1"'],
        args=[
            written,
            made.path,
            dsl.ConcatPlaceholder(["<", text, ">"]),
            dsl.IfPresentPlaceholder("extra", ["--extra", extra], ["none"]),
        ],
    )


@dsl.component
def fail(code: int):
    raise SystemExit(code)


@dsl.component
def report(status: dsl.PipelineTaskFinalStatus) -> str:
    return f"{status.pipeline_task_name} {status.state} {status.error_code}"


def test_a_pipeline_of_two_components(tmp_path):
    @dsl.pipeline(name="iris")
    def pipeline(n: int = 2, rate: float = 0.25):
        made = make(n=n)
        train(data=made.outputs["data"], rate=rate)

    run = job(pipeline, tmp_path, parameter_values={"n": 3}, enable_caching=False)
    run.run(service_account=TRAINER)
    assert run.state.name == "PIPELINE_STATE_SUCCEEDED"
    found = tasks(run)
    assert states(run) == {run.job_id: "SUCCEEDED", "make": "SUCCEEDED", "train": "SUCCEEDED"}
    assert dict(found["make"].execution.metadata) == {"input:n": 3, "input:name": "iris", "output:Output": 6}
    model = found["train"].outputs["model"].artifacts[0]
    assert model.schema_title == "system.Model"
    assert model.uri.startswith(f"{ROOT}/")
    assert bucket().blob(model.uri.split("/", 3)[3]).download_as_text() == "irisirisiris 3 0.25"
    assert dict(found["train"].outputs["metrics"].artifacts[0].metadata) == {"accuracy": 0.75}
    assert found["train"].inputs["data"].artifacts[0].uri == found["make"].outputs["data"].artifacts[0].uri
    assert found["train"].parent_task_id == found[run.job_id].task_id
    assert found["make"].start_time <= found["make"].end_time <= found["train"].start_time


def test_conditions_loops_and_pipelines_within(tmp_path):
    @dsl.pipeline(name="inner")
    def inner(text: str) -> str:
        first = say(text=text)
        return say(text=f"{first.output}!").output

    @dsl.pipeline(name="Nested")
    def pipeline(n: int, who: str, rates: List[float] = [0.5, 0.25], people: list = [{"who": "ann"}, {"who": "bob"}]):
        made = make(n=n)
        with dsl.If(made.outputs["Output"] > 5, "many"):
            yes = say(text=f"many {who}").set_display_name("say-many")
        with dsl.Else("few"):
            no = say(text="few").set_display_name("say-few")
        say(text=dsl.OneOf(yes.output, no.output)).set_display_name("chosen")
        with dsl.ParallelFor(rates, parallelism=1) as rate:
            trained = train(data=made.outputs["data"], rate=rate)
        collect(models=dsl.Collected(trained.outputs["model"]), rates=dsl.Collected(trained.outputs["accuracy"]))
        with dsl.ParallelFor(people) as person:
            say(text=person.who).set_display_name("person")
        within = inner(text=who)
        shell(text=within.output).set_display_name("plain")
        shell(text="x", extra="y").set_display_name("extra")

    run = job(pipeline, tmp_path, parameter_values={"n": 3, "who": "world"}, enable_caching=False)
    run.run(service_account=TRAINER)
    found = tasks(run)
    assert found["many"].state.name == "SUCCEEDED"
    assert found["few"].state.name == "NOT_TRIGGERED"
    assert found["chosen"].execution.metadata["output:Output"] == "many world"
    assert "said many world" in lines(found["say-many"])
    rate = found["collect"].execution.metadata["output:Output"]
    assert rate == "irisirisiris 3 0.5;irisirisiris 3 0.25 [0.5, 0.75]"
    said = [detail.execution.metadata["output:Output"] for detail in run.task_details if detail.task_name == "person"]
    assert sorted(said) == ["ann", "bob"]
    assert found["plain"].execution.metadata["output:written"].endswith("<world!> none")
    assert found["extra"].execution.metadata["output:written"].endswith("<x> --extra y")
    assert len([detail for detail in run.task_details if detail.task_name == "train"]) == 2


def test_a_task_that_fails_fails_the_pipeline_and_its_exit_task_runs(tmp_path):
    @dsl.pipeline(name="failing")
    def pipeline():
        with dsl.ExitHandler(report(), name="guard"):
            wrong = fail(code=3).set_retry(num_retries=1, backoff_duration="0s")
            say(text="never").after(wrong)
            say(text="beside").set_display_name("beside")

    run = job(pipeline, tmp_path, enable_caching=False)
    with pytest.raises(RuntimeError, match=r"The failed tasks are: \[guard\]") as raised:
        run.run(service_account=TRAINER)
    assert "code: 9" in str(raised.value)
    assert run.state.name == "PIPELINE_STATE_FAILED" and run.has_failed
    found = tasks(run)
    assert found["fail"].state.name == "FAILED"
    assert "workerpool0-0 exited with a non-zero status of 3" in found["fail"].error.message
    detail = found["fail"].executor_detail.container_detail
    assert len(detail.failed_main_jobs) == 1 and detail.main_job not in detail.failed_main_jobs
    assert found["say"].state.name == "NOT_TRIGGERED"
    assert found["beside"].state.name == "SUCCEEDED"
    assert found["report"].execution.metadata["output:Output"] == "exit-handler-1 FAILED 9"


def test_what_was_made_once_is_not_made_again(tmp_path):
    @dsl.pipeline(name="cached")
    def pipeline(text: str):
        say(text=text)

    new, other = (f"{text} {time.time_ns()}" for text in "ab")
    for text, expected in [(new, "SUCCEEDED"), (other, "SUCCEEDED"), (new, "SKIPPED")]:
        run = job(pipeline, tmp_path, parameter_values={"text": text}, job_id=f"cached-{time.time_ns()}")
        run.run(service_account=TRAINER)
        assert states(run)["say"] == expected
        assert tasks(run)["say"].execution.metadata["output:Output"] == text
    run = job(pipeline, tmp_path, parameter_values={"text": new}, enable_caching=False)
    run.run(service_account=TRAINER)
    assert states(run)["say"] == "SUCCEEDED"


def test_an_artifact_is_imported(tmp_path):
    bucket().blob("given/data").upload_from_string("given")

    @dsl.pipeline(name="importing")
    def pipeline(uri: str):
        data = dsl.importer(artifact_uri=uri, artifact_class=Dataset, metadata={"rows": 7, "from": uri})
        train(data=data.output, rate=0.5)

    run = job(pipeline, tmp_path, parameter_values={"uri": "gs://acme-dev-pipelines/given/data"})
    run.run(service_account=TRAINER)
    found = tasks(run)
    model = found["train"].outputs["model"].artifacts[0].uri.split("/", 3)[3]
    assert bucket().blob(model).download_as_text() == "given 7 0.5"
    imported = found["importer"].outputs["artifact"].artifacts[0]
    assert imported.metadata["from"] == "gs://acme-dev-pipelines/given/data"


def test_a_pipeline_is_cancelled_with_its_tasks(tmp_path):
    @dsl.component
    def sleep():
        import time

        print("asleep", flush=True)
        time.sleep(600)

    @dsl.pipeline(name="sleeping")
    def pipeline():
        first = sleep()
        say(text="never").after(first)

    run = job(pipeline, tmp_path, enable_caching=False)
    run.submit(service_account=TRAINER)
    deadline = time.time() + 60
    while time.time() < deadline and not ("sleep" in tasks(run) and "asleep" in lines(tasks(run)["sleep"])):
        time.sleep(0.1)
    assert run.state.name == "PIPELINE_STATE_RUNNING"
    with pytest.raises(exceptions.BadRequest, match="still running"):
        run.delete()
    run.cancel()
    run.wait()
    assert run.state.name == "PIPELINE_STATE_CANCELLED"
    assert states(run)["sleep"] == "CANCELLED"
    work = aiplatform.CustomJob.get(tasks(run)["sleep"].executor_detail.container_detail.main_job)
    assert work.state.name == "JOB_STATE_CANCELLED"
    run.delete()
    with pytest.raises(exceptions.NotFound):
        aiplatform.PipelineJob.get(run.resource_name)


def test_pipelines_are_listed(tmp_path):
    @dsl.pipeline(name="listed")
    def pipeline():
        shell(text="x")

    runs = []
    for number in range(3):
        run = aiplatform.PipelineJob(
            display_name=f"listed-{number}",
            template_path=compiled(pipeline, tmp_path),
            pipeline_root=ROOT,
            job_id=f"listed-{number}-{time.time_ns()}",
            labels={"team": "lists"},
        )
        run.submit(service_account=TRAINER)
        runs.append(run)
    for run in runs:
        run.wait()
    found = aiplatform.PipelineJob.list(filter='labels.team="lists"', order_by="create_time desc")
    assert [one.display_name for one in found] == ["listed-2", "listed-1", "listed-0"]
    found = aiplatform.PipelineJob.list(filter='display_name="listed-1"', enable_simple_view=True)
    assert [one.name for one in found] == [runs[1].name]
    assert not found[0].to_dict().get("serviceAccount")
    runs[0].batch_delete(project=PROJECT, location=LOCATION, names=[run.name for run in runs])
    assert aiplatform.PipelineJob.list(filter='labels.team="lists"') == []


def test_what_cannot_run_is_refused(tmp_path):
    @dsl.pipeline(name="refused")
    def pipeline(n: int):
        make(n=n)

    with pytest.raises(exceptions.BadRequest, match='input parameter "n" has no value'):
        job(pipeline, tmp_path).submit(service_account=TRAINER)
    with pytest.raises(exceptions.BadRequest, match="must be a whole number"):
        job(pipeline, tmp_path, parameter_values={"n": "many"}).submit(service_account=TRAINER)
    once = job(pipeline, tmp_path, parameter_values={"n": 1}, job_id="refused-once")
    once.submit(service_account=TRAINER)
    with pytest.raises(exceptions.Conflict):
        job(pipeline, tmp_path, parameter_values={"n": 1}, job_id="refused-once").submit(service_account=TRAINER)
    once.wait()
    # Who may start pipelines may not have them run as anybody.
    for who, what in [("cleo", "iam.serviceAccounts.actAs"), ("bob", "aiplatform.pipelineJobs.create")]:
        other = job(pipeline, tmp_path, parameter_values={"n": 1}, credentials=Token(who))
        with pytest.raises(exceptions.Forbidden, match=what):
            other.submit(service_account=TRAINER)
    # Nor does the account start what it may not start.
    requests.post(f"{URL}/v1/projects/{PROJECT}/serviceAccounts", headers=ANN, json={"accountId": "stranger"})
    run = job(pipeline, tmp_path, parameter_values={"n": 1}, job_id="refused-stranger", enable_caching=False)
    with pytest.raises(RuntimeError, match="failed tasks are"):
        run.run(service_account=f"stranger@{PROJECT}.iam.gserviceaccount.com")
    assert "aiplatform.customJobs.create" in tasks(run)["make"].error.message


def test_a_template_in_a_bucket(tmp_path):
    @dsl.pipeline(name="template")
    def pipeline(text: str = "x"):
        shell(text=text)

    bucket().blob("template.yaml").upload_from_filename(compiled(pipeline, tmp_path))
    body = {
        "displayName": "by template",
        "templateUri": "gs://acme-dev-pipelines/template.yaml",
        "runtimeConfig": {"gcsOutputDirectory": ROOT},
        "serviceAccount": TRAINER,
    }
    path = f"{URL}/v1/projects/{PROJECT}/locations/{LOCATION}/pipelineJobs"
    made = requests.post(f"{path}?pipelineJobId=by-template", headers=ANN, json=body)
    assert made.status_code == 200, made.text
    run = aiplatform.PipelineJob.get("by-template")
    run.wait()
    assert states(run)["shell"] == "SUCCEEDED"
    body["templateUri"] = "gs://acme-dev-pipelines/none.yaml"
    assert requests.post(path, headers=ANN, json=body).status_code == 404
    body["templateUri"] = "https://acme.com/pipeline.yaml"
    assert requests.post(path, headers=ANN, json=body).json()["error"]["status"] == "UNIMPLEMENTED"
    body["pipelineSpec"] = json.loads('{"pipelineInfo": {"name": "x"}, "root": {}}')
    assert "root has no dag" in requests.post(path, headers=ANN, json=body).text
