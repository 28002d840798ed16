//! Identity: group, version and kind; the id of an object; when two ids mean the same object.
//!
//! The rules are kustomize's (`kyaml/resid`): an id without a namespace is in `default`, an object
//! that is certainly cluster-scoped is in no namespace whatever it says.

use yaml::Text;

/// The namespace of objects that cannot have one.
pub const NOT_NAMESPACED: &str = "_non_namespaceable_";
/// The namespace of objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// Group, version and kind. In a selector an empty field means any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Gvk {
    pub group: Text,
    pub version: Text,
    pub kind: Text,
}

/// The identity of an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ResId {
    pub gvk: Gvk,
    pub name: Text,
    pub namespace: Text,
    /// Whether the schema says that objects of this type are in no namespace.
    pub cluster_scoped: bool,
}

/// What counts in an id when objects are compared, borrowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct IdKey<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) group: &'a str,
    pub(crate) version: &'a str,
    /// Never empty.
    pub(crate) namespace: &'a str,
}

impl Gvk {
    /// From the `apiVersion` and `kind` fields of an object.
    pub fn from_fields(api_version: &str, kind: impl Into<Text>) -> Gvk {
        let (group, version) = split_api_version(api_version);
        Gvk {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
        }
    }

    /// Only a kind: any group, any version.
    pub fn of_kind(kind: impl Into<Text>) -> Gvk {
        Gvk {
            kind: kind.into(),
            ..Gvk::default()
        }
    }

    /// The `apiVersion` field.
    pub fn api_version(&self) -> String {
        match &*self.group {
            "" => self.version.to_string(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// Whether `selector` selects this: each of its fields is empty or equal.
    pub fn is_selected_by(&self, selector: &Gvk) -> bool {
        let matches = |wanted: &Text, have: &Text| wanted.is_empty() || wanted == have;
        matches(&selector.group, &self.group)
            && matches(&selector.version, &self.version)
            && matches(&selector.kind, &self.kind)
    }
}

/// Splits `group/version`; without a slash there is only a version.
pub fn split_api_version(api_version: &str) -> (&str, &str) {
    api_version.split_once('/').unwrap_or(("", api_version))
}

impl ResId {
    /// The id as a person types it: `KIND.GROUP/NAME.NAMESPACE`, with all that it says.
    pub fn full_name(&self) -> String {
        let mut name = self.gvk.kind.to_string();
        if !self.gvk.group.is_empty() {
            name.push('.');
            name.push_str(&self.gvk.group);
        }
        name.push('/');
        name.push_str(&self.name);
        if !self.namespace.is_empty() && !self.cluster_scoped {
            name.push('.');
            name.push_str(&self.namespace);
        }
        name
    }

    /// `KIND/NAME`, for sentences.
    pub fn kind_and_name(&self) -> String {
        format!("{}/{}", self.gvk.kind, self.name)
    }

    /// The namespace that counts in comparisons; never empty.
    pub fn effective_namespace(&self) -> &str {
        effective_namespace(&self.namespace, self.cluster_scoped)
    }

    pub(crate) fn key(&self) -> IdKey<'_> {
        IdKey {
            name: &self.name,
            kind: &self.gvk.kind,
            group: &self.gvk.group,
            version: &self.gvk.version,
            namespace: self.effective_namespace(),
        }
    }

    pub fn same_namespace(&self, other: &ResId) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// Same group, version, kind and name, whatever the namespace.
    pub fn same_gvk_and_name(&self, other: &ResId) -> bool {
        self.name == other.name && self.gvk == other.gvk
    }

    /// Whether both mean the same object.
    pub fn same(&self, other: &ResId) -> bool {
        self.same_namespace(other) && self.same_gvk_and_name(other)
    }

    /// Whether `selector` selects this; its empty fields mean any.
    pub fn is_selected_by(&self, selector: &ResId) -> bool {
        (selector.name.is_empty() || selector.name == self.name)
            && (selector.namespace.is_empty() || selector.same_namespace(self))
            && self.gvk.is_selected_by(&selector.gvk)
    }
}

pub(crate) fn effective_namespace(namespace: &str, cluster_scoped: bool) -> &str {
    if cluster_scoped {
        NOT_NAMESPACED
    } else {
        or(namespace, DEFAULT_NAMESPACE)
    }
}

fn or<'a>(text: &'a str, instead: &'a str) -> &'a str {
    if text.is_empty() { instead } else { text }
}

/// `Kind.version.group`, as kustomize prints it in messages.
impl std::fmt::Display for Gvk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (kind, version, group) = (
            or(&self.kind, "[noKind]"),
            or(&self.version, "[noVer]"),
            or(&self.group, "[noGrp]"),
        );
        write!(f, "{kind}.{version}.{group}")
    }
}

/// `Kind.version.group/name.namespace`, as kustomize prints it in messages.
impl std::fmt::Display for ResId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}/{}.{}",
            self.gvk,
            or(&self.name, "[noName]"),
            or(&self.namespace, "[noNs]")
        )
    }
}
