//! Terrace's own kinds: `spec.template` against the resources of the Vertex AI API.

use schema::workloads;

use super::found;

fn workload(kind: &str, template: &str) -> String {
    format!(
        "apiVersion: vertex.terrace.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: iris}}\nspec:\n  template:\n{template}"
    )
}

/// A workload of each kind as Google documents them, with what is allowed to be written in two ways.
const GOOD: [(&str, &str); 7] = [
    (
        "CustomJob",
        "    displayName: train
    labels: {team: ml}
    jobSpec:
      workerPoolSpecs:
      - replicaCount: '1'
        containerSpec: {imageUri: a}
",
    ),
    (
        "HyperparameterTuningJob",
        "    displayName: tune
    maxTrialCount: 20
    parallelTrialCount: 4
    studySpec:
      metrics: [{metricId: accuracy, goal: MAXIMIZE}]
      parameters: [{parameterId: rate, doubleValueSpec: {minValue: 0, maxValue: 0.1}, scaleType: UNIT_LOG_SCALE}]
    trialJobSpec: {workerPoolSpecs: [{replicaCount: 1, containerSpec: {imageUri: a}}]}
",
    ),
    (
        "PipelineJob",
        "    templateUri: https://europe-west4-kfp.pkg.dev/acme/iris/train/v1
    runtimeConfig: {gcsOutputDirectory: gs://acme, parameterValues: {rate: 0.1, layers: [1, 2]}}
    pipelineSpec: {anything: [goes, here]}
",
    ),
    (
        "BatchPredictionJob",
        "    displayName: predict
    inputConfig: {instancesFormat: jsonl, gcsSource: {uris: ['gs://acme/in']}}
    outputConfig: {predictionsFormat: jsonl, gcsDestination: {outputUriPrefix: 'gs://acme/out'}}
    modelParameters: {threshold: 0.5}
",
    ),
    (
        "Model",
        "    displayName: iris
    containerSpec: {imageUri: a, ports: [{containerPort: 8080}], startupProbe: {periodSeconds: 5}}
    artifactUri: gs://acme/model
",
    ),
    (
        "Endpoint",
        "    displayName: iris
    trafficSplit: {'0': 100}
    predictRequestResponseLoggingConfig: {enabled: true, samplingRate: 0.1}
",
    ),
    (
        "Schedule",
        "    displayName: nightly
    cron: TZ=Europe/Berlin 0 1 * * *
    maxConcurrentRunCount: '1'
    maxRunCount: 5
    startTime: 2026-11-21T14:00:00Z
    createPipelineJobRequest: {parent: projects/acme/locations/europe-west4, pipelineJob: {displayName: train}}
",
    ),
];

#[test]
fn workloads_as_they_are_documented_are_good() {
    for (kind, template) in GOOD {
        assert_eq!(found(&workload(kind, template)), Vec::<String>::new(), "{kind}");
    }
    let kinds: Vec<&str> = workloads().kinds.iter().map(|kind| kind.kind.as_str()).collect();
    let mut tried: Vec<&str> = GOOD.iter().map(|(kind, _)| *kind).collect();
    tried.sort_unstable();
    assert_eq!(kinds, tried);
}

#[test]
fn each_defect_of_a_template_is_found_at_its_place() {
    let text = workload(
        "CustomJob",
        "    name: projects/1/locations/europe-west4/customJobs/2
    displayNam: train
    state: JOB_STATE_RUNNING
    jobSpec:
      scheduling: {timeout: 3600, restartJobOnWorkerRestart: 'true', strategy: SPOTS}
      workerPoolSpecs:
      - machineSpec: {machineTyp: n1, acceleratorType: NVIDIA_T4, acceleratorCount: '1'}
        containerSpec: {image_uri: a, env: [{name: A, value: 1}]}
        replicaCount: many
",
    );
    assert_eq!(
        found(&text),
        [
            "6:5 output_only_field spec.template.name: `name` is set by the service alone [remove it]",
            "7:5 unknown_field spec.template.displayNam: unknown field `displayNam` [fields here are displayName, encryptionSpec, jobSpec, labels]",
            "8:5 output_only_field spec.template.state: `state` is set by the service alone [remove it]",
            "10:29 wrong_type spec.template.jobSpec.scheduling.timeout: a text is expected here, not `3600` [seconds are expected, as in 3600s]",
            "10:62 wrong_type spec.template.jobSpec.scheduling.restartJobOnWorkerRestart: true or false is expected here, not the text \"true\" [write it without quotes: true]",
            "10:80 unknown_enum_value spec.template.jobSpec.scheduling.strategy: the text \"SPOTS\" is not known here [it can be SPOT, STRATEGY_UNSPECIFIED, ON_DEMAND, LOW_COST, STANDARD and 1 more]",
            "12:23 unknown_field spec.template.jobSpec.workerPoolSpecs[0].machineSpec.machineTyp: unknown field `machineTyp` [fields here are machineType, acceleratorCount, acceleratorType, gpuPartitionSize, reservationAffinity]",
            "12:56 unknown_enum_value spec.template.jobSpec.workerPoolSpecs[0].machineSpec.acceleratorType: the text \"NVIDIA_T4\" is not known here [it can be NVIDIA_L4, ACCELERATOR_TYPE_UNSPECIFIED, NVIDIA_TESLA_K80, NVIDIA_TESLA_P100, NVIDIA_TESLA_V100 and 14 more]",
            "12:85 wrong_type spec.template.jobSpec.workerPoolSpecs[0].machineSpec.acceleratorCount: a whole number is expected here, not the text \"1\" [write it without quotes: 1]",
            "13:25 unknown_field spec.template.jobSpec.workerPoolSpecs[0].containerSpec.image_uri: unknown field `image_uri` [fields here are imageUri, args, command, env]",
            "13:62 wrong_type spec.template.jobSpec.workerPoolSpecs[0].containerSpec.env[name=A].value: a text is expected here, not `1` [put it in quotes: \"1\"]",
            "13:24 missing_field spec.template.jobSpec.workerPoolSpecs[0].containerSpec: the field `imageUri` is missing [add imageUri]",
            "14:23 invalid_value spec.template.jobSpec.workerPoolSpecs[0].replicaCount: the text \"many\" is not what this field takes [a whole number is expected]",
            "6:5 missing_field spec.template: the field `displayName` is missing [add displayName]",
        ]
    );
}

#[test]
fn what_is_no_workload_is_told() {
    let table = [
        (
            workload("CustomJobs", "    displayName: a\n"),
            "2:7 unknown_kind kind: there is no kind CustomJobs in vertex.terrace.dev/v1alpha1 [kinds in vertex.terrace.dev/v1alpha1 are CustomJob, BatchPredictionJob, Endpoint, HyperparameterTuningJob, Model]",
        ),
        (
            workload("Model", "    - displayName: a\n"),
            "6:5 wrong_type spec.template: a mapping is expected here, not a list [write its fields without \"- \"]",
        ),
        (
            workload("Model", "    displayName: a\n  locatoin: europe-west4\n"),
            "7:3 unknown_field spec.locatoin: unknown field `locatoin` [fields here are location, project, template]",
        ),
        (
            workload("Model", "").replace("  template:\n", "  project: acme\n"),
            "5:3 missing_field spec: the field `template` is missing [add template]",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(found(&text), [expected], "{text}");
    }
}
