//! Generators and transformers of their own: the objects under `generators`, `transformers` and
//! `validators`. Which of them are kustomize's own, what they say, and what makes them invalid
//! (`api/internal/builtins/*.go`, `api/internal/plugins/loader/loader.go`).

use yaml::{Mark, Node, Text};

use super::types::*;

/// The `apiVersion` of kustomize's own generators and transformers.
pub const BUILTIN_API_VERSION: &str = "builtin";

/// Who runs an object under `generators`, `transformers` or `validators`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PluginKind {
    Builtin(BuiltinKind),
    /// Its `apiVersion` is `builtin`, but kustomize has none of this kind.
    UnknownBuiltin,
    /// A program in a container or on the path, named by an annotation or by `metadata.configFn`.
    Function,
    /// A program in the plugin directory of the user.
    Executable,
}

macro_rules! builtin_kinds {
    ($($kind:ident $role:ident,)+) => {
        /// kustomize's own generators and transformers.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum BuiltinKind {
            $($kind,)+
        }

        impl BuiltinKind {
            const ALL: &'static [(&'static str, BuiltinKind, Role)] =
                &[$((stringify!($kind), BuiltinKind::$kind, Role::$role),)+];
        }
    };
}

/// What a plugin does with objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Generator,
    Transformer,
}

builtin_kinds! {
    AnnotationsTransformer Transformer,
    ConfigMapGenerator Generator,
    HashTransformer Transformer,
    HelmChartInflationGenerator Generator,
    IAMPolicyGenerator Generator,
    ImageTagTransformer Transformer,
    LabelTransformer Transformer,
    NamespaceTransformer Transformer,
    PatchJson6902Transformer Transformer,
    PatchStrategicMergeTransformer Transformer,
    PatchTransformer Transformer,
    PrefixSuffixTransformer Transformer,
    PrefixTransformer Transformer,
    ReplacementTransformer Transformer,
    ReplicaCountTransformer Transformer,
    SecretGenerator Generator,
    SuffixTransformer Transformer,
    ValueAddTransformer Transformer,
}

impl BuiltinKind {
    /// The names of all of them, sorted.
    pub fn names() -> impl Iterator<Item = &'static str> {
        BuiltinKind::ALL.iter().map(|(name, _, _)| *name)
    }

    pub fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, kind, _)| *kind == self);
        known.map(|(name, ..)| *name).expect("every kind is in the table")
    }

    pub fn role(self) -> Role {
        let known = Self::ALL.iter().find(|(_, kind, _)| *kind == self);
        known.map(|(.., role)| *role).expect("every kind is in the table")
    }
}

/// The built-in of an object's type. `SortOrderTransformer` is none: kustomize runs it only for
/// `sortOptions`.
pub fn builtin_kind(api_version: &str, kind: &str) -> Option<BuiltinKind> {
    let known = BuiltinKind::ALL.iter().find(|(name, ..)| *name == kind);
    known
        .filter(|_| api_version == BUILTIN_API_VERSION)
        .map(|(_, kind, _)| *kind)
}

/// Who runs an object.
pub fn plugin_kind(object: &Node) -> PluginKind {
    let text = |name| object.get(name).and_then(Node::as_str).unwrap_or_default();
    let (api_version, kind) = (text("apiVersion"), text("kind"));
    if api_version == BUILTIN_API_VERSION {
        return builtin_kind(api_version, kind).map_or(PluginKind::UnknownBuiltin, PluginKind::Builtin);
    }
    const ANNOTATIONS: [&str; 3] = [
        "config.kubernetes.io/function",
        "config.k8s.io/function",
        "config.kubernetes.io/container",
    ];
    let annotated = |name| {
        let value = object
            .get_path(["metadata", "annotations", name])
            .and_then(Node::as_str);
        value.is_some_and(|value| !value.is_empty())
    };
    let config = object.get_path(["metadata", "configFn"]);
    if ANNOTATIONS.into_iter().any(annotated) || config.is_some_and(|config| !config.is_null()) {
        return PluginKind::Function;
    }
    PluginKind::Executable
}

/// What a built-in is to do.
#[derive(Clone, Debug)]
pub enum PluginConfig {
    Annotations(PairsTransformer),
    ConfigMap(GeneratorArgs),
    Hash,
    Helm(HelmGlobals, HelmChart),
    IamPolicy(IamPolicyArgs),
    ImageTag(ImageTagTransformer),
    Label(PairsTransformer),
    Namespace(NamespaceTransformer),
    /// `jsonOp` is in `patch`.
    PatchJson6902(Patch),
    PatchStrategicMerge(PatchStrategicMergeTransformer),
    Patch(Patch),
    Prefix(AffixTransformer),
    /// What `PrefixSuffixTransformer` does: first the prefix, then the suffix.
    PrefixSuffix(AffixTransformer, AffixTransformer),
    Replacement(Vec<ReplacementField>),
    ReplicaCount(ReplicaCountTransformer),
    Secret(GeneratorArgs),
    Suffix(AffixTransformer),
    ValueAdd(ValueAddTransformer),
}

/// `AnnotationsTransformer` and `LabelTransformer`.
#[derive(Clone, Debug, Default)]
pub struct PairsTransformer {
    pub pairs: Pairs,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default)]
pub struct ImageTagTransformer {
    pub image: Image,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default)]
pub struct NamespaceTransformer {
    /// Of the object's own metadata.
    pub namespace: Option<Str>,
    pub field_specs: Vec<FieldSpec>,
    pub unset_only: bool,
    pub subjects: RoleBindingSubjects,
}

/// Which subjects of role bindings get the namespace (`setRoleBindingSubjects`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RoleBindingSubjects {
    /// Only service accounts named `default`.
    #[default]
    DefaultOnly,
    None,
    AllServiceAccounts,
}

#[derive(Clone, Debug, Default)]
pub struct PatchStrategicMergeTransformer {
    /// Each is a path, or a patch.
    pub paths: Vec<Str>,
    pub patches: Option<Str>,
}

/// `PrefixTransformer` and `SuffixTransformer`.
#[derive(Clone, Debug, Default)]
pub struct AffixTransformer {
    pub affix: Option<Str>,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default)]
pub struct ReplicaCountTransformer {
    pub replica: Replica,
    pub field_specs: Vec<FieldSpec>,
}

#[derive(Clone, Debug, Default)]
pub struct ValueAddTransformer {
    pub mark: Mark,
    /// Without white space around it; when `None`, the name of the directory is meant.
    pub value: Option<Str>,
    pub targets: Vec<ValueAddTarget>,
    /// A file with more targets, to be read with [`ValueAddTransformer::decode_targets`].
    pub target_file_path: Option<Str>,
}

#[derive(Clone, Debug, Default)]
pub struct ValueAddTarget {
    pub mark: Mark,
    pub selector: Option<Selector>,
    pub field_path: Text,
    pub file_path_position: i64,
}

#[derive(Clone, Debug, Default)]
pub struct IamPolicyArgs {
    pub cloud: Text,
    pub kubernetes_service: KubernetesService,
    pub service_account: ServiceAccount,
}

#[derive(Clone, Debug, Default)]
pub struct KubernetesService {
    pub name: Text,
    pub namespace: Text,
}

#[derive(Clone, Debug, Default)]
pub struct ServiceAccount {
    pub name: Text,
    pub project_id: Text,
}
