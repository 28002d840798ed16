//! Configuration texts and what becomes of them: every error whole, with its places, or the structure.

use std::fmt::Write;
use std::sync::Arc;

use yaml::{Node, Source, Sources};

use super::*;
use crate::error::{BuildError, Result};

fn source(text: &str) -> (Sources, Arc<Source>) {
    let sources = Sources::new();
    let source = sources.add("kustomization.yaml", text.to_owned());
    (sources, source)
}

fn node(text: &str) -> Node {
    yaml::read_config(&source(text).1).unwrap().node
}

/// `line:column message` for the error and all that is related, hints on lines of their own.
fn show(error: &BuildError, sources: &Sources) -> String {
    let place = |mark| {
        sources
            .place(mark)
            .map_or("-".to_owned(), |place| format!("{}:{}", place.line, place.column))
    };
    let mut out = format!("{} {}", place(error.mark), error.message);
    if let Some(hint) = &error.hint {
        write!(out, "\n  {hint}").unwrap();
    }
    for (mark, words) in &error.related {
        write!(out, "\n{} {words}", place(*mark)).unwrap();
    }
    out
}

fn check_errors<T>(read: impl Fn(&Arc<Source>) -> Result<T>, cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let (sources, source) = source(text);
        match read(&source) {
            Ok(_) => panic!("no error in\n{text}"),
            Err(error) => assert_eq!(show(&error, &sources), *expected, "for\n{text}"),
        }
    }
}

fn kustomization(text: &str) -> LoadedKustomization {
    LoadedKustomization::read(&source(text).1).unwrap_or_else(|error| panic!("{error} in\n{text}"))
}

fn texts(list: &[Str]) -> Vec<&str> {
    list.iter().map(|text| &**text).collect()
}

fn pairs(list: &Pairs) -> Vec<(&str, &str)> {
    list.iter().map(|(key, value)| (&**key, &**value)).collect()
}

#[test]
fn kustomization_errors() {
    check_errors(
        LoadedKustomization::read,
        &[
            (
                "resource: [a]\nimages:\n- name: x\n  newTags: y\n",
                "1:1 unknown field `resource`\n  did you mean `resources`?\n\
                 4:3 unknown field `newTags` in `images[0]` (did you mean `newTag`?)",
            ),
            (
                "resources: [a]\nnewTag: v1\n",
                "2:1 unknown field `newTag`\n  `newTag` is a field of an entry of `images`",
            ),
            (
                "patches:\n- target: {apiVersion: apps/v1}\n",
                "2:12 unknown field `apiVersion` in `patches[0].target`\n  write `group` and `version` instead",
            ),
            (
                "patches: [fix.yaml]\n",
                "1:11 `patches[0]` is the text `fix.yaml`, but must be a mapping\n  did you mean `path: fix.yaml`?",
            ),
            (
                "images:\n- name: x\n  newTag: 1.10\n",
                "3:11 `images[0].newTag` is the number `1.10`, but must be a text\n  put it in quotes: \"1.10\"",
            ),
            (
                "commonLabels: {on: yes}\n",
                "1:20 `commonLabels.true` is the boolean `yes`, but must be a text\n  put it in quotes: \"yes\"",
            ),
            (
                "labels:\n- includeSelectors: \"true\"\n  pairs: [a]\n",
                "2:21 `labels[0].includeSelectors` is the text `true`, but must be a boolean\n  without quotes: true\n\
                 3:10 `labels[0].pairs` is a list, but must be a mapping",
            ),
            (
                "replicas: [{name: a, count: 2.5}]\n",
                "1:29 `replicas[0].count` is the number `2.5`, but must be a whole number",
            ),
            (
                "resources: base\n",
                "1:12 `resources` is the text `base`, but must be a list\n  begin each entry of the list with `- `",
            ),
            ("- a\n", "1:1 the kustomization is a list, but must be a mapping"),
            ("commonLabels: {a: b\n", "2:1 did not find expected ',' or '}'"),
            (
                "kind: Deployment\napiVersion: apps/v1\nspec: {}\n",
                "3:1 unknown field `spec`\n  this is a Deployment: name its file under `resources` of a kustomization",
            ),
            (
                "kind: Job\napiVersion: batch/v1\nmetadata: {name: a}\n",
                "1:7 kind `Job` should be Kustomization or Component\n  \
                 this is a Job: name its file under `resources` of a kustomization\n\
                 2:13 apiVersion `batch/v1` for Job should be kustomize.config.k8s.io/v1beta1",
            ),
            (
                "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Component\nresources: [a]\n",
                "1:13 apiVersion `kustomize.config.k8s.io/v1beta1` for Component should be kustomize.config.k8s.io/v1alpha1",
            ),
        ],
    );
}

#[test]
fn what_is_empty() {
    let hint = "say something with `resources`, `generators` or another field";
    for text in [
        "",
        "null\n",
        "kind: Kustomization\n",
        "bases: []\n",
        "namePrefix: \"\"\n",
        "resources: null\n",
    ] {
        let (_, source) = source(text);
        let error = LoadedKustomization::read(&source).unwrap_err();
        assert_eq!(error.message, "kustomization.yaml is empty", "for {text}");
        assert_eq!(error.hint.as_deref(), Some(hint));
    }
    for text in [
        "resources: []\n",
        "metadata: {}\n",
        "commonLabels: {}\n",
        "generatorOptions: {}\n",
    ] {
        kustomization(text);
    }
}

#[test]
fn deprecated_fields_are_moved_and_warned_of() {
    let loaded = kustomization(
        "vars: [{name: V, objref: {apiVersion: apps/v1, kind: D, name: d}}]\n\
         bases: [b]\nresources: [a]\nimageTags: [{name: i}]\nimages: [{name: h}]\n\
         patchesStrategicMerge: [p]\npatchesJson6902: []\ncommonLabels: {}\n\
         configMapGenerator: [{name: c, env: old, envs: [new]}]\n\
         helmChartInflationGenerator: [{chartName: m, chartHome: home, values: v}]\n",
    );
    let warnings: Vec<String> = loaded
        .warnings
        .iter()
        .map(|finding| {
            format!(
                "{}: {} {}",
                finding.rule,
                finding.message,
                finding.hint.as_deref().unwrap()
            )
        })
        .collect();
    let run = "Run 'kustomize edit fix' to update your Kustomization automatically.";
    assert_eq!(
        warnings,
        [
            format!("deprecated_field: 'bases' is deprecated. Please use 'resources' instead. {run}"),
            format!("deprecated_field: 'commonLabels' is deprecated. Please use 'labels' instead. {run}"),
            format!("deprecated_field: 'imageTags' is deprecated. Please use 'images' instead. {run}"),
            format!("deprecated_field: 'patchesJson6902' is deprecated. Please use 'patches' instead. {run}"),
            format!("deprecated_field: 'patchesStrategicMerge' is deprecated. Please use 'patches' instead. {run}"),
            format!("deprecated_field: 'vars' is deprecated. Please use 'replacements' instead. [EXPERIMENTAL] {run}"),
        ]
    );
    let new = loaded.kustomization;
    assert_eq!(
        (&*new.kind, &*new.api_version),
        (KUSTOMIZATION_KIND, KUSTOMIZATION_VERSION)
    );
    assert_eq!(texts(&new.resources), ["a", "b"]);
    assert_eq!(
        new.images.iter().map(|image| &*image.name).collect::<Vec<_>>(),
        ["h", "i"]
    );
    assert_eq!(texts(&new.config_map_generator[0].envs), ["new", "old"]);
    assert_eq!(new.vars[0].object.to_string(), "D.v1.apps/d.[noNs]");
    assert_eq!(&*new.vars[0].field_path, "metadata.name");
    assert_eq!(&*new.helm_charts[0].name, "m");
    assert_eq!(new.helm_charts[0].values_file.as_deref(), Some("v"));
    assert_eq!(&*new.helm_globals.unwrap().chart_home, "home");
}

#[test]
fn repeated_keys_are_noted_and_the_last_one_counts() {
    let loaded = kustomization("namePrefix: a-\nnamePrefix: b-\n");
    assert_eq!(loaded.kustomization.name_prefix.as_deref(), Some("b-"));
    assert_eq!(
        loaded.warnings[0].message,
        "`namePrefix` is there twice, and the last one counts"
    );
    assert_eq!(loaded.warnings[0].rule, "repeated_key");
}

#[test]
fn fields_are_found_in_any_case() {
    let loaded = kustomization("nameprefix: a-\nnamePrefix: b-\nNAMESUFFIX: -c\nRESOURCES: [d]\n").kustomization;
    // Keys are taken in the order of their bytes, as in encoding/json.
    assert_eq!(loaded.name_prefix.as_deref(), Some("a-"));
    assert_eq!(loaded.name_suffix.as_deref(), Some("-c"));
    assert_eq!(texts(&loaded.resources), ["d"]);
}

#[test]
fn mappings_of_texts_are_sorted_and_their_keys_become_texts() {
    let loaded = kustomization("commonAnnotations: {b: x, 1: w, yes: z, 1.50: v, 0x10: u, a: ~}\n").kustomization;
    let expected = [
        ("1", "w"),
        ("1.5", "v"),
        ("16", "u"),
        ("a", ""),
        ("b", "x"),
        ("true", "z"),
    ];
    assert_eq!(pairs(&loaded.common_annotations), expected);
}

#[test]
fn nested_structures() {
    let loaded = kustomization(
        "patches:\n- path: p\n  target: {group: g, version: v, kind: k, name: m, namespace: o, labelSelector: a=b}\n  \
         options: {allowNameChange: true}\n\
         replacements:\n- path: r\n- sourceValue: ''\n  targets:\n  - select: {kind: S}\n    reject: [{name: R}]\n    \
         fieldPaths: [x.0, z]\n    options: {delimiter: /, index: 1.0, create: yes}\n\
         secretGenerator: [{name: s, type: Opaque, options: {labels: {l: m}, immutable: true}}]\n\
         sortOptions: {order: legacy, legacySortOptions: {orderFirst: [A], orderLast: [B]}}\n\
         labels: [{pairs: {a: b}, includeTemplates: true, fields: [{path: f, kind: K, create: true}]}]\n",
    )
    .kustomization;
    let patch = &loaded.patches[0];
    let target = patch.target.as_ref().unwrap();
    assert_eq!(target.id.to_string(), "k.v.g/m.o");
    assert_eq!(&*target.label_selector, "a=b");
    assert!(patch.allow_name_change && !patch.allow_kind_change && patch.patch.is_none());
    assert_eq!(loaded.replacements[0].path.as_deref(), Some("r"));
    let replacement = &loaded.replacements[1].replacement;
    assert_eq!(replacement.source_value.as_deref(), Some(""));
    let target = &replacement.targets[0];
    assert_eq!(texts(&target.field_paths), ["x.0", "z"]);
    assert_eq!(&*target.reject[0].id.name, "R");
    let options = FieldOptions {
        delimiter: "/".into(),
        index: 1,
        create: true,
        ..FieldOptions::default()
    };
    assert_eq!(target.options.as_ref(), Some(&options));
    let secret = &loaded.secret_generator[0];
    assert_eq!((&*secret.name, &*secret.secret_type), ("s", "Opaque"));
    assert_eq!(pairs(&secret.options.as_ref().unwrap().labels), [("l", "m")]);
    assert_eq!(
        loaded.sort_options.unwrap().legacy,
        Some((vec!["A".into()], vec!["B".into()]))
    );
    let label = &loaded.labels[0];
    assert!(label.include_templates && label.field_specs[0].create);
    assert_eq!(&*label.field_specs[0].gvk.kind, "K");
}

#[test]
fn transformer_configurations() {
    let read = |text| TransformerConfig::read(&source(text).1).unwrap();
    let config = read(
        "namePrefix:\n- path: b\n  kind: Secret\n- path: 5\n  kind: ConfigMap\nnameReference:\n- kind: Z\n  fieldSpecs: [{path: x}]\n- kind: Namespace\n",
    );
    let prefix: Vec<&str> = config.name_prefix.iter().map(|spec| &*spec.path).collect();
    assert_eq!(prefix, ["5", "b"], "sorted by kind, and numbers are welcome as paths");
    assert_eq!(&*config.name_reference[0].gvk.kind, "Namespace");
    assert!(read("").is_empty());
    check_errors(
        TransformerConfig::read,
        &[
            (
                "namePrefix: []\nnamePrefix: []\n",
                "2:1 the key `namePrefix` is there twice\n1:1 the first one",
            ),
            (
                "nameprefixes: []\n",
                "1:1 unknown field `nameprefixes`\n  did you mean `namePrefix`?",
            ),
            (
                "images:\n- path: a\n  create: \"yes\"\n- paths: b\n  kind: 7\n",
                "3:11 `images[0].create` is the text `yes`, but must be a boolean\n  write true or false\n\
                 4:3 unknown field `paths` in `images[1]` (did you mean `path`?)\n\
                 5:9 `images[1].kind` is the number `7`, but must be a text (put it in quotes: \"7\")",
            ),
        ],
    );
}

#[test]
fn crds() {
    let file = node(
        "g.v1.Bee:\n  Schema:\n    properties:\n      kind: {type: string}\n      apiVersion: {}\n      metadata: {}\n      \
         spec: {$ref: g.v1.BeeSpec}\n\
         g.v1.BeeSpec:\n  Schema:\n    properties:\n      \
         hive: {x-kubernetes-object-ref-api-version: v1, x-kubernetes-object-ref-kind: Hive}\n      \
         flowers: {x-kubernetes-object-ref-api-version: v1, x-kubernetes-object-ref-kind: Hive, x-kubernetes-object-ref-name-key: id}\n      \
         marks: {x-kubernetes-annotation: ''}\n      who: {X-Kubernetes-Identity: ''}\n      pick: {x-kubernetes-label-selector: ''}\n",
    );
    let config = TransformerConfig::from_crds(&file).unwrap();
    let paths = |specs: &[FieldSpec]| {
        specs
            .iter()
            .map(|spec| format!("{} {}", spec.gvk.kind, spec.path))
            .collect::<Vec<_>>()
    };
    assert_eq!(config.name_reference.len(), 1);
    assert_eq!(config.name_reference[0].gvk.to_string(), "Hive.v1.[noGrp]");
    assert_eq!(
        paths(&config.name_reference[0].referrers),
        ["Bee spec/flowers/id", "Bee spec/hive/name"]
    );
    assert_eq!(paths(&config.common_annotations), ["Bee spec/marks"]);
    assert_eq!(paths(&config.common_labels), ["Bee spec/pick"]);
    assert_eq!(paths(&config.name_prefix), ["Bee spec/who"]);
    let error = TransformerConfig::from_crds(&node("apiVersion: apiextensions.k8s.io/v1\n")).unwrap_err();
    assert_eq!(
        error.message,
        "unable to parse open API definition: `apiVersion` is the text `apiextensions.k8s.io/v1`, but must be a mapping"
    );
}

#[test]
fn plugin_errors() {
    let cases: &[(BuiltinKind, &str, &str)] = &[
        (
            BuiltinKind::PrefixTransformer,
            "prefix: a-\n",
            "1:1 fieldSpecs is not expected to be nil\n  to change names, say `fieldSpecs: [{path: metadata/name}]`",
        ),
        (
            BuiltinKind::PatchTransformer,
            "patch: ' '\n",
            "1:1 must specify one of patch and path",
        ),
        (
            BuiltinKind::PatchTransformer,
            "patch: a\npath: b\n",
            "2:7 patch and path can't be set at the same time\n  remove one of them, or make two patches of it",
        ),
        (
            BuiltinKind::PatchJson6902Transformer,
            "target: {kind: a}\npath: b\n",
            "1:9 must specify the target name\n  to patch several objects at once, use `patches`",
        ),
        (
            BuiltinKind::PatchJson6902Transformer,
            "target: {name: a}\n",
            "1:1 empty file path and empty jsonOp",
        ),
        (
            BuiltinKind::PatchJson6902Transformer,
            "target: {name: a}\npath: b\njsonOp: '[]'\n",
            "2:7 must specify a file path or jsonOp, not both",
        ),
        (
            BuiltinKind::PatchStrategicMergeTransformer,
            "paths: []\n",
            "1:1 empty file path and empty patch content\n  say `paths` or `patches`",
        ),
        (
            BuiltinKind::NamespaceTransformer,
            "setRoleBindingSubjects: all\n",
            "1:25 invalid value \"all\" for setRoleBindingSubjects: must be one of \"defaultOnly\", \"none\" or \"allServiceAccounts\"",
        ),
        (
            BuiltinKind::ReplacementTransformer,
            "replacements: [{path: a, targets: [{}]}]\n",
            "1:23 cannot specify both path and inline replacement\n  make two entries of `replacements` of it",
        ),
        (
            BuiltinKind::ValueAddTransformer,
            "value: a\n",
            "1:1 must specify at least one target\n  say `targets` or `targetFilePath`",
        ),
        (
            BuiltinKind::ValueAddTransformer,
            "targets: [{}]\n",
            "1:11 fieldPath cannot be empty",
        ),
        (
            BuiltinKind::ValueAddTransformer,
            "targets: [{fieldPath: a, filePathPosition: -1}]\n",
            "1:11 value of filePathPosition (-1) cannot be negative",
        ),
        (
            BuiltinKind::HelmChartInflationGenerator,
            "repo: a\n",
            "1:1 chart name cannot be empty",
        ),
        (
            BuiltinKind::ConfigMapGenerator,
            "name: a\nliterals: [5]\n",
            "2:12 `literals[0]` is the number `5`, but must be a text\n  put it in quotes: \"5\"",
        ),
        (
            BuiltinKind::SuffixTransformer,
            "fieldspecs: []\n",
            "1:1 fieldSpecs is not expected to be nil\n  to change names, say `fieldSpecs: [{path: metadata/name}]`",
        ),
        (
            BuiltinKind::LabelTransformer,
            "labels: 5\n",
            "1:9 `labels` is the number `5`, but must be a mapping",
        ),
    ];
    for (kind, text, expected) in cases {
        let (sources, source) = source(text);
        let node = yaml::read_config(&source).unwrap().node;
        let error = PluginConfig::decode(*kind, &node).unwrap_err();
        assert_eq!(show(&error, &sources), *expected, "for {kind:?}\n{text}");
    }
}

#[test]
fn plugins() {
    let decode = |kind, text: &str| PluginConfig::decode(kind, &node(text)).unwrap();
    let PluginConfig::ConfigMap(args) = decode(
        BuiltinKind::ConfigMapGenerator,
        "metadata: {name: 5, namespace: ns}\nfiles: [f]\nenv: e\nother: 1\n",
    ) else {
        panic!()
    };
    assert_eq!((&*args.name, &*args.namespace, args.envs.len()), ("5", "ns", 0));
    let PluginConfig::ImageTag(image) = decode(
        BuiltinKind::ImageTagTransformer,
        "imageTag: {name: a, newTag: 1.10}\nfieldspecs: [{path: p}]\n",
    ) else {
        panic!()
    };
    assert_eq!(image.image.new_tag.as_deref(), Some("1.1"), "as kustomize reads it");
    assert_eq!(&*image.field_specs[0].path, "p");
    let PluginConfig::Namespace(namespace) = decode(
        BuiltinKind::NamespaceTransformer,
        "metadata: {namespace: ns}\nunsetOnly: true\nsetRoleBindingSubjects: none\n",
    ) else {
        panic!()
    };
    assert_eq!(namespace.namespace.as_deref(), Some("ns"));
    assert!(namespace.unset_only && namespace.subjects == RoleBindingSubjects::None);
    let PluginConfig::PrefixSuffix(prefix, suffix) = decode(
        BuiltinKind::PrefixSuffixTransformer,
        "prefix: a\nsuffix: b\nfieldSpecs: []\n",
    ) else {
        panic!()
    };
    assert_eq!(
        (prefix.affix.as_deref(), suffix.affix.as_deref()),
        (Some("a"), Some("b"))
    );
    let PluginConfig::Prefix(prefix) = decode(
        BuiltinKind::PrefixTransformer,
        "prefix: 7\nfieldSpecs: [{path: p, kind: 7, create: 'yes'}]\n",
    ) else {
        panic!()
    };
    assert_eq!(
        (prefix.affix.as_deref(), &*prefix.field_specs[0].gvk.kind),
        (Some("7"), "7")
    );
    assert!(prefix.field_specs[0].create);
    let PluginConfig::ValueAdd(mut add) = decode(BuiltinKind::ValueAddTransformer, "value: ' v '\ntargetFilePath: f\n")
    else {
        panic!()
    };
    assert_eq!(add.value.as_deref(), Some("v"));
    add.decode_targets(&node("targets: [{fieldPath: p, selector: {kind: K}}]\n"))
        .unwrap();
    assert_eq!(&*add.targets[0].field_path, "p");
    let PluginConfig::Label(label) = decode(BuiltinKind::LabelTransformer, "labels: {a: 1, b: yes}\n") else {
        panic!()
    };
    assert_eq!(pairs(&label.pairs), [("a", "1"), ("b", "true")]);
    let PluginConfig::IamPolicy(policy) = decode(
        BuiltinKind::IAMPolicyGenerator,
        "cloud: gke\nkubernetesService: {name: k, namespace: ns}\nserviceAccount: {name: s, projectId: p}\n",
    ) else {
        panic!()
    };
    assert_eq!((&*policy.cloud, &*policy.service_account.project_id), ("gke", "p"));
}

#[test]
fn who_runs_an_object() {
    let cases = [
        (
            "{apiVersion: builtin, kind: LabelTransformer}",
            PluginKind::Builtin(BuiltinKind::LabelTransformer),
        ),
        (
            "{apiVersion: builtin, kind: SortOrderTransformer}",
            PluginKind::UnknownBuiltin,
        ),
        (
            "{apiVersion: builtin/v1, kind: LabelTransformer}",
            PluginKind::Executable,
        ),
        (
            "{apiVersion: a/v1, kind: F, metadata: {annotations: {config.kubernetes.io/function: 'container: {image: x}'}}}",
            PluginKind::Function,
        ),
        (
            "{apiVersion: a/v1, kind: F, metadata: {configFn: {container: {image: x}}}}",
            PluginKind::Function,
        ),
        ("{apiVersion: a/v1, kind: F}", PluginKind::Executable),
    ];
    for (text, expected) in cases {
        assert_eq!(plugin_kind(&node(text)), expected, "{text}");
    }
    assert_eq!(
        builtin_kind("builtin", "SecretGenerator").map(BuiltinKind::role),
        Some(Role::Generator)
    );
    assert_eq!(builtin_kind("v1", "SecretGenerator"), None);
    assert_eq!(BuiltinKind::IAMPolicyGenerator.name(), "IAMPolicyGenerator");
}

#[test]
fn files_of_replacements() {
    let one = decode_replacements(&node(
        "source: {kind: A, fieldPath: 5}\ntargets: [{select: {kind: B}}]\n",
    ))
    .unwrap();
    assert_eq!(&*one[0].source.as_ref().unwrap().field_path, "5");
    assert_eq!(
        decode_replacements(&node("- sourceValue: a\n- sourceValue: b\n  unknown: c\n"))
            .unwrap()
            .len(),
        2
    );
    let error = decode_replacements(&node("hello\n")).unwrap_err();
    let expected = "unsupported replacement type encountered within replacement path: the text `hello`";
    assert_eq!(error.message, expected);
}

#[test]
fn sort_options() {
    let check = |text: &str| {
        kustomization(text)
            .kustomization
            .sort_options
            .unwrap()
            .check()
            .map_err(|e| e.message)
    };
    assert_eq!(check("sortOptions: {order: fifo}\n"), Ok(()));
    assert_eq!(check("sortOptions: {order: legacy}\n"), Ok(()));
    let unknown = "the field 'sortOptions.order' must be one of [fifo, legacy]".to_owned();
    assert_eq!(check("sortOptions: {}\n"), Err(unknown));
    let unused = "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'";
    assert_eq!(
        check("sortOptions: {order: fifo, legacySortOptions: {}}\n"),
        Err(unused.to_owned())
    );
}
