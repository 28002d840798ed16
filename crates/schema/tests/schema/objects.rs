//! Built-in kinds, and custom resources by definitions in the tree.

use proptest::prelude::*;
use schema::{Catalog, Custom, Dialect, KUBERNETES_VERSIONS, Lookup, Versions, kubernetes, schema_to_types, versions};

use yaml::Sources;

use super::{found, found_in, objects};

const POD: &str = "apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: main
    image: a
";

#[test]
fn a_good_object_is_good_in_every_version() {
    let all: Vec<&str> = kubernetes().versions.iter().map(String::as_str).collect();
    assert_eq!(all, KUBERNETES_VERSIONS);
    assert_eq!(found_in(&all, POD), Vec::<String>::new());
}

#[test]
fn each_defect_is_found_at_its_place() {
    let table: &[(&str, &str)] = &[
        (
            "    imagePullPolice: Always",
            "9:5 unknown_field spec.containers[name=main].imagePullPolice: unknown field `imagePullPolice` (Kubernetes 1.37) [fields here are imagePullPolicy, image, args, command, env]",
        ),
        (
            "    imagePullPolicy: always",
            "9:22 unknown_enum_value spec.containers[name=main].imagePullPolicy: the text \"always\" is not known here [it can be Always, IfNotPresent, Never]",
        ),
        (
            "    tty: \"true\"",
            "9:10 wrong_type spec.containers[name=main].tty: true or false is expected here, not the text \"true\" (Kubernetes 1.37) [write it without quotes: true]",
        ),
        (
            "    args: run",
            "9:11 wrong_type spec.containers[name=main].args: a list is expected here, not the text \"run\" (Kubernetes 1.37)",
        ),
        (
            "    env: [{name: A, value: 1}]",
            "9:28 wrong_type spec.containers[name=main].env[name=A].value: a text is expected here, not `1` (Kubernetes 1.37) [put it in quotes: \"1\"]",
        ),
        (
            "    env: [{value: a}]",
            "9:11 missing_field spec.containers[name=main].env[0]: the field `name` is missing (Kubernetes 1.37) [add name]",
        ),
        (
            "    resources: {limits: {memory: 2gi}}",
            "9:34 invalid_quantity spec.containers[name=main].resources.limits.memory: the text \"2gi\" is no amount [\"gi\" is no unit; write 2Gi]",
        ),
        (
            "    ports: [{containerPort: 99999999999}]",
            "9:29 invalid_value spec.containers[name=main].ports[containerPort=99999999999].containerPort: `99999999999` does not fit in 32 bits",
        ),
        (
            "    livenessProbe: {httpGet: {port: true}}",
            "9:37 wrong_type spec.containers[name=main].livenessProbe.httpGet.port: a text or a whole number is expected here, not `true` (Kubernetes 1.37) [put it in quotes: \"true\"]",
        ),
        (
            "    image: b",
            "9:5 duplicate_field spec.containers[name=main].image: the field `image` is there twice [the last one would win; keep one]",
        ),
        (
            "  - name: main",
            "9:5 duplicate_item spec.containers: an item with name main is there twice",
        ),
        (
            "  nodeSelector: {disk: s s d}",
            "9:24 invalid_label spec.nodeSelector.disk: \"s s d\" is no value of a label [letters, digits, \"-\", \"_\" and \".\" are allowed, with a letter or digit at both ends]",
        ),
        (
            "  activeDeadlineSeconds: 1.5",
            "9:26 wrong_type spec.activeDeadlineSeconds: a whole number is expected here, not `1.5` (Kubernetes 1.37)",
        ),
    ];
    for (line, expected) in table {
        assert_eq!(found(&format!("{POD}{line}\n")), [*expected], "{line}");
    }
    // Whole numbers may be written as floats, amounts as numbers, and nothing as null.
    let good = "  activeDeadlineSeconds: 10.0\n  tolerations: null\n  overhead: {cpu: 0.5, memory: 1Gi}\n";
    assert_eq!(found(&format!("{POD}{good}")), Vec::<String>::new());
}

#[test]
fn kinds_and_api_versions() {
    let with =
        |api_version: &str, kind: &str| format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: a}}\n");
    let table: &[(&str, &str, &[&str], &[&str])] = &[
        (
            "v1",
            "Deployment",
            &["1.37"],
            &["2:7 unknown_kind kind: there is no kind Deployment in v1 (Kubernetes 1.37) [Deployment is in apps/v1]"],
        ),
        (
            "apps/v1",
            "Deploymnt",
            &["1.37"],
            &[
                "2:7 unknown_kind kind: there is no kind Deploymnt in apps/v1 (Kubernetes 1.37) [kinds in apps/v1 are Deployment, ControllerRevision, ControllerRevisionList, DaemonSet, DaemonSetList]",
            ],
        ),
        (
            "policy/v1beta1",
            "PodDisruptionBudget",
            &["1.37"],
            &[
                "1:13 removed_api_version apiVersion: PodDisruptionBudget of policy/v1beta1 was removed in Kubernetes 1.25 (Kubernetes 1.37) [use policy/v1]",
            ],
        ),
        (
            "extensions/v1beta1",
            "Ingress",
            &["1.36", "1.37"],
            &[
                "1:13 removed_api_version apiVersion: Ingress of extensions/v1beta1 was removed in Kubernetes 1.22 (Kubernetes 1.36 and 1.37) [use networking.k8s.io/v1]",
            ],
        ),
        (
            "example.com/v1",
            "Widget",
            &["1.37"],
            &[
                "2:7 missing_schema kind: there is no schema of Widget of example.com/v1: its fields are not checked [add its CustomResourceDefinition to the tree, or say where schemas are: --schema-location]",
            ],
        ),
    ];
    for (api_version, kind, asked, expected) in table {
        assert_eq!(
            found_in(asked, &with(api_version, kind)),
            *expected,
            "{api_version} {kind}"
        );
    }
    // Several versions: what is gone in one, and deprecated in another.
    let flow = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta3\nkind: FlowSchema\nmetadata: {name: a}\n";
    assert_eq!(
        found_in(&["1.31", "1.32"], flow),
        [
            "1:13 deprecated_api_version apiVersion: FlowSchema of flowcontrol.apiserver.k8s.io/v1beta3 is deprecated, and Kubernetes 1.32 is without it (Kubernetes 1.31) [use flowcontrol.apiserver.k8s.io/v1]",
            "1:13 removed_api_version apiVersion: FlowSchema of flowcontrol.apiserver.k8s.io/v1beta3 was removed in Kubernetes 1.32 (Kubernetes 1.32) [use flowcontrol.apiserver.k8s.io/v1]",
        ]
    );
    assert!(versions(["1.10"]).is_err());
    assert_eq!(versions(["v1.37.2"]).unwrap(), versions([]).unwrap());
}

#[test]
fn a_field_that_came_later_is_unknown_before() {
    let text = format!("{POD}  resources: {{limits: {{cpu: 1}}}}\n");
    assert_eq!(found_in(&["1.34"], &text), Vec::<String>::new());
    let lines = found_in(&["1.25", "1.34"], &text);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("unknown field `resources` (Kubernetes 1.25) [Kubernetes 1.3"),
        "{lines:?}"
    );
}

#[test]
fn values_of_secrets_are_not_quoted() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata:\n  token: not-base64!\n  number: 5\nstringData:\n  other: 12345\n";
    let lines = found(text);
    assert_eq!(lines.len(), 3, "{lines:?}");
    for (line, mark) in lines.iter().zip(["5:10 ", "6:11 ", "8:10 "]) {
        assert!(line.starts_with(mark), "{line}");
        assert!(
            !line.contains("not-base64") && !line.contains("12345") && !line.contains("`5`"),
            "{line}"
        );
    }
}

const CRD: &str = r#"apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          metadata: {type: object}
          spec:
            type: object
            required: [size, mode]
            properties:
              size: {type: integer, minimum: 1, maximum: 10}
              mode: {type: string, enum: [fast, slow], default: fast}
              name: {type: string, pattern: '^[a-z]+$', maxLength: 5}
              when: {type: string, format: date-time}
              port: {x-kubernetes-int-or-string: true, anyOf: [{type: integer}, {type: string}]}
              free: {type: object, x-kubernetes-preserve-unknown-fields: true}
              maybe: {type: string, nullable: true}
              child: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}
              parts:
                type: array
                x-kubernetes-list-type: map
                x-kubernetes-list-map-keys: [id]
                items: {type: object, required: [id], properties: {id: {type: string}}}
              either: {type: object, properties: {a: {type: string}, b: {type: string}}, oneOf: [{required: [a]}, {required: [b]}]}
              tags: {type: object, additionalProperties: {type: string}}
---
"#;

fn widget(spec: &str) -> Vec<String> {
    let head = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a, labels: {a: b}}\nspec: ";
    let lines = found(&format!("{CRD}{head}{spec}\n"));
    lines
        .iter()
        .map(|line| line.split_once(' ').unwrap().1.to_owned())
        .collect()
}

#[test]
fn custom_resources_are_checked_by_their_definition() {
    let good = "{size: 3, name: abc, when: '2026-11-21T14:00:00Z', port: http, free: {a: [1]}, maybe: null, \
                child: {apiVersion: v1, kind: Pod, metadata: {name: a}, x: 1}, parts: [{id: a}, {id: b}], either: {a: x}, tags: {k: v}}";
    assert_eq!(widget(good), Vec::<String>::new());
    let table: &[(&str, &str)] = &[
        ("{}", "missing_field spec: the field `size` is missing [add size]"),
        (
            "{size: 11}",
            "invalid_value spec.size: `11` is out of range [it must be at most 10]",
        ),
        (
            "{size: 1, mode: fst}",
            "unknown_enum_value spec.mode: the text \"fst\" is not known here [it can be fast, slow]",
        ),
        (
            "{size: 1, name: ABC}",
            "invalid_value spec.name: the text \"ABC\" is not what this field takes [it must match ^[a-z]+$]",
        ),
        (
            "{size: 1, name: abcdef}",
            "invalid_value spec.name: this has 6 characters [it may have at most 5]",
        ),
        (
            "{size: 1, when: now}",
            "invalid_value spec.when: the text \"now\" is not what this field takes [a time is expected, as in 2026-11-21T14:00:00Z]",
        ),
        (
            "{size: 1, port: 1.5}",
            "wrong_type spec.port: a text or a whole number is expected here, not `1.5` [put it in quotes: \"1.5\"]",
        ),
        (
            "{size: 1, sise: 1}",
            "unknown_field spec.sise: unknown field `sise` [fields here are size, child, either, free, maybe]",
        ),
        (
            "{size: null}",
            "missing_field spec: the field `size` is missing [add size]",
        ),
        (
            "{size: 1, port: null, tags: {k: null}, parts: [null]}",
            "wrong_type spec.parts[0]: a mapping is expected here, not null",
        ),
        (
            "{size: 1, parts: [{id: a}, {id: a}]}",
            "duplicate_item spec.parts: an item with id a is there twice",
        ),
        (
            "{size: 1, child: {kind: Pod}}",
            "missing_field spec.child: the field `apiVersion` is missing",
        ),
        (
            "{size: 1, either: {a: x, b: y}}",
            "invalid_value spec.either: this has 2 of the forms of which one is allowed here",
        ),
        (
            "{size: 1, either: {}}",
            "missing_field spec.either: the field `a` is missing [add a]",
        ),
        (
            "{size: 1, tags: {k: 1}}",
            "wrong_type spec.tags.k: a text is expected here, not `1` [put it in quotes: \"1\"]",
        ),
    ];
    for (spec, expected) in table {
        assert_eq!(widget(spec), [*expected], "{spec}");
    }
}

#[test]
fn rules_of_a_definition_are_evaluated_after_defaults_are_set() {
    let rules = "            x-kubernetes-validations:
            - {rule: 'self.mode == \"fast\" || self.size > 2', message: slow ones are large, fieldPath: .mode}
            - {rule: 'self.size < 9', messageExpression: '\"too large: \" + string(self.size)'}
            - {rule: 'self.size >= oldSelf.size'}
            - {rule: 'size(self.name) > 0'}
            properties:
              size:";
    let crd = CRD.replace("            properties:\n              size:", rules);
    assert_ne!(crd, CRD);
    let head = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: ";
    let said = |spec: &str| -> Vec<String> {
        let lines = found(&format!("{crd}{head}{spec}\n"));
        lines
            .into_iter()
            .filter(|line| !line.contains("oldSelf"))
            .map(|line| line.split(" [").next().unwrap().to_owned())
            .collect()
    };
    assert_eq!(said("{size: 1, name: a}"), Vec::<String>::new());
    assert_eq!(
        said("{size: 1, name: a, mode: slow}"),
        ["45:32 failed_validation spec.mode: slow ones are large"]
    );
    assert_eq!(
        said("{size: 9, name: a}"),
        ["45:7 failed_validation spec: too large: 9"]
    );
    assert!(said("{size: 1}")[0].contains("failed_validation spec: `size(self.name) > 0` has no value here"));
    let all = found(&format!("{crd}{head}{{size: 1, name: a}}\n"));
    assert_eq!(
        all,
        [
            "45:7 skipped_validation spec: the rule `self.size >= oldSelf.size` of the definition of Widget was not evaluated [it is about a change, and there is no object before this one]"
        ]
    );
}

#[test]
fn definitions_that_cannot_be_used_are_named() {
    let broken = CRD.replace("'^[a-z]+$'", "'^[a-z'");
    let lines = found(&broken);
    assert!(
        lines[0].starts_with("14:9 invalid_schema spec.versions[name=v1].schema.openAPIV3Schema:"),
        "{lines:?}"
    );
    let without = CRD.split("    schema:").next().unwrap();
    assert!(
        found(without)
            .iter()
            .any(|line| line.contains("version v1 of Widget has no schema"))
    );
    let referring = CRD.replace("{type: integer, minimum: 1, maximum: 10}", "{$ref: '#/a'}");
    assert!(found(&referring)[0].contains("\"$ref\" (#/a) is not allowed"));
}

#[test]
fn schemas_may_refer_to_themselves_but_not_loop() {
    let read = |text: &str| schema_to_types(&serde_json::from_str(text).unwrap(), Dialect::Json);
    let tree = r##"{"$defs":{"t":{"type":"object","properties":{"t":{"$ref":"#/$defs/t"}}}},"$ref":"#/$defs/t"}"##;
    assert!(read(tree).is_ok());
    let looping = r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}},"$ref":"#/$defs/a"}"##;
    assert!(read(looping).unwrap_err().contains("leads back to itself"));
    assert!(
        read(r#"{"$ref":"other.json"}"#)
            .unwrap_err()
            .contains("outside of its file")
    );
    assert!(read(r##"{"$ref":"#/none"}"##).unwrap_err().contains("is not there"));
    assert!(
        read(r#"{"type":"text"}"#)
            .unwrap_err()
            .contains("there is no type \"text\"")
    );
    assert!(read("3").unwrap_err().contains("a schema is expected"));
}

/// A schema for every kind that is asked for.
struct Only(Custom);

impl Lookup for Only {
    fn find(&self, _: &str, _: &str) -> Result<Option<Custom>, String> {
        Ok(Some(self.0.clone()))
    }
}

#[test]
fn alternatives_without_end_are_told() {
    let schema = r##"{"properties":{"spec":{"$ref":"#/$defs/a"}},"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}}}"##;
    let only = Only(schema_to_types(&serde_json::from_str(schema).unwrap(), Dialect::Json).unwrap());
    let (objects, _) = objects("apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {a: 1}\n");
    let findings = Catalog::new(&objects, versions([]).unwrap(), Some(&only)).check(&objects);
    let messages: Vec<&str> = findings.iter().map(|finding| finding.message.as_str()).collect();
    assert_eq!(messages, ["the schema has too many alternatives to try them all"]);
}

proptest! {
    /// Whatever stands in an object and in a definition, there is an answer.
    #[test]
    fn no_object_and_no_schema_breaks_the_check(
        value in "[a-z0-9{}\\[\\]:, '\"$#/!&*-]{0,40}",
        schema in "(\\{(type|items|properties|enum|pattern|required|oneOf|not|default|\\$ref): ?[a-z\\[\\]{}:, 0-9(*]{0,20}\\}|[a-z0-9]{0,5})",
    ) {
        let good = |text: String| {
            let sources = Sources::new();
            let source = sources.add("a", text.clone());
            yaml::read_documents(&source).is_ok().then_some(text)
        };
        for text in [format!("{POD}  tolerations: {value}\n"), format!("kind: Pod\napiVersion: v1\nspec: {value}\n"), CRD.replace("{type: integer, minimum: 1, maximum: 10}", &schema)] {
            if let Some(text) = good(text) {
                let (objects, _) = objects(&text);
                let count = Catalog::new(&objects, Versions::ALL, None).check(&objects).len();
                prop_assert!(count < 1000);
            }
        }
    }
}
