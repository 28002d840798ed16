//! What is known of Kubernetes' types: which live in namespaces, and how their lists are merged.
//!
//! A [`Schema`] is either the one kustomize was built with (Kubernetes 1.21.2; static tables, nothing to
//! make at start-up) or comes from the user's `openapi.path`. It is cheap to clone and to share.

mod merge_keys;
mod openapi;
#[rustfmt::skip]
mod tables;

use std::borrow::Cow;
use std::sync::Arc;

pub use openapi::SchemaError;

/// The types that a build knows.
#[derive(Clone)]
pub struct Schema(Tables);

#[derive(Clone)]
enum Tables {
    Builtin,
    Custom(Arc<Custom>),
}

/// Tables made from the user's OpenAPI document; all sorted like the built-in ones.
#[derive(Clone, Default)]
struct Custom {
    types: Vec<Type>,
    definitions: Vec<Field>,
    kinds: Vec<Kind>,
    scopes: Vec<Scope>,
}

/// Position of a type in its table.
type TypeId = u32;

/// One type: of an object, of a field, of the elements of a list.
#[derive(Clone)]
struct Type {
    /// The fields that are known, sorted by name.
    fields: Cow<'static, [Field]>,
    /// The type of every other field, where any may be there.
    values: Option<TypeId>,
    /// The type of the elements, if this is a list.
    items: Option<TypeId>,
    /// The merge keys, if patches merge the list; none of them if its elements are scalars.
    merge: Option<Cow<'static, [Cow<'static, str>]>>,
}

#[derive(Clone)]
struct Field {
    name: Cow<'static, str>,
    type_id: TypeId,
}

#[derive(Clone)]
struct Kind {
    kind: Cow<'static, str>,
    api_version: Cow<'static, str>,
    type_id: TypeId,
}

#[derive(Clone)]
struct Scope {
    kind: Cow<'static, str>,
    api_version: Cow<'static, str>,
    namespaced: bool,
}

/// A type of a [`Schema`].
#[derive(Clone, Copy)]
pub struct TypeRef<'s> {
    all: &'s [Type],
    id: TypeId,
}

impl Type {
    /// Known, but nothing inside that matters.
    const OPAQUE: Type = Type {
        fields: Cow::Borrowed(&[]),
        values: None,
        items: None,
        merge: None,
    };
}

impl Default for Schema {
    fn default() -> Schema {
        Schema::builtin()
    }
}

impl std::fmt::Debug for Schema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Tables::Builtin => "Schema::builtin()",
            Tables::Custom(_) => "Schema::from_openapi(…)",
        })
    }
}

impl Schema {
    /// The types kustomize was built with.
    pub const fn builtin() -> Schema {
        Schema(Tables::Builtin)
    }

    /// Whether objects of this type are certainly in no namespace: false for the namespaced and for those
    /// that are not known (kustomize's `IsCertainlyClusterScoped`). What is built in about scopes holds
    /// whatever the user's document says.
    pub fn is_cluster_scoped(&self, api_version: &str, kind: &str) -> bool {
        let builtin = find_scope(&tables::SCOPES, api_version, kind);
        let custom = || find_scope(&self.custom()?.scopes, api_version, kind);
        builtin.or_else(custom) == Some(false)
    }

    /// Whether the scope of the type is known without any document: then kustomize looks into none.
    pub fn has_builtin_scope(api_version: &str, kind: &str) -> bool {
        find_scope(&tables::SCOPES, api_version, kind).is_some()
    }

    /// The type of objects with this `apiVersion` and `kind`.
    pub fn type_of(&self, api_version: &str, kind: &str) -> Option<TypeRef<'_>> {
        let (kinds, all): (&[Kind], &[Type]) = match &self.0 {
            Tables::Builtin => (&tables::KINDS, &tables::TYPES),
            Tables::Custom(custom) => (&custom.kinds, &custom.types),
        };
        let at = kinds
            .binary_search_by(|row| (&*row.kind, &*row.api_version).cmp(&(kind, api_version)))
            .ok()?;
        Some(TypeRef {
            all,
            id: kinds[at].type_id,
        })
    }

    /// Tables of one's own, to be extended.
    fn to_custom(&self) -> Custom {
        match &self.0 {
            Tables::Custom(custom) => Custom::clone(custom),
            Tables::Builtin => Custom {
                types: tables::TYPES.to_vec(),
                definitions: tables::DEFINITIONS.to_vec(),
                kinds: tables::KINDS.to_vec(),
                scopes: Vec::new(),
            },
        }
    }

    fn custom(&self) -> Option<&Custom> {
        match &self.0 {
            Tables::Builtin => None,
            Tables::Custom(custom) => Some(custom),
        }
    }
}

fn find_scope(scopes: &[Scope], api_version: &str, kind: &str) -> Option<bool> {
    let at = scopes
        .binary_search_by(|row| (&*row.kind, &*row.api_version).cmp(&(kind, api_version)))
        .ok()?;
    Some(scopes[at].namespaced)
}

impl<'s> TypeRef<'s> {
    fn get(self) -> &'s Type {
        &self.all[self.id as usize]
    }

    fn at(self, id: TypeId) -> TypeRef<'s> {
        TypeRef { id, ..self }
    }

    /// The type of a field.
    pub fn field(self, name: &str) -> Option<TypeRef<'s>> {
        let this = self.get();
        match this.fields.binary_search_by(|field| (*field.name).cmp(name)) {
            Ok(at) => Some(self.at(this.fields[at].type_id)),
            Err(_) => this.values.map(|id| self.at(id)),
        }
    }

    /// The type of the elements of a list.
    pub fn elements(self) -> Option<TypeRef<'s>> {
        self.get().items.map(|id| self.at(id))
    }

    /// The keys by which patches merge the elements of a list, if they do (patch strategy `merge`).
    /// There are none for a list of scalars, which is merged as a set.
    pub fn merge_keys(self) -> Option<&'s [Cow<'static, str>]> {
        self.get().merge.as_deref()
    }
}

// The tables are written with these.

const fn f(name: &'static str, type_id: TypeId) -> Field {
    Field {
        name: Cow::Borrowed(name),
        type_id,
    }
}

const fn k(kind: &'static str, api_version: &'static str, type_id: TypeId) -> Kind {
    Kind {
        kind: Cow::Borrowed(kind),
        api_version: Cow::Borrowed(api_version),
        type_id,
    }
}

const fn s(kind: &'static str, api_version: &'static str, namespaced: bool) -> Scope {
    Scope {
        kind: Cow::Borrowed(kind),
        api_version: Cow::Borrowed(api_version),
        namespaced,
    }
}

const fn object(fields: &'static [Field]) -> Type {
    Type {
        fields: Cow::Borrowed(fields),
        ..Type::OPAQUE
    }
}

const fn map(values: TypeId) -> Type {
    Type {
        values: Some(values),
        ..Type::OPAQUE
    }
}

const fn list(items: TypeId) -> Type {
    Type {
        items: Some(items),
        ..Type::OPAQUE
    }
}

const fn merged(items: TypeId, keys: &'static [Cow<'static, str>]) -> Type {
    Type {
        items: Some(items),
        merge: Some(Cow::Borrowed(keys)),
        ..Type::OPAQUE
    }
}

const fn key(name: &'static str) -> Cow<'static, str> {
    Cow::Borrowed(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        let sorted = |fields: &[Field]| fields.is_sorted_by(|a, b| a.name < b.name);
        assert!(tables::TYPES.iter().all(|this| sorted(&this.fields)));
        assert!(sorted(&tables::DEFINITIONS));
        assert!(tables::KINDS.is_sorted_by(|a, b| (&a.kind, &a.api_version) < (&b.kind, &b.api_version)));
        assert!(tables::SCOPES.is_sorted_by(|a, b| (&a.kind, &a.api_version) < (&b.kind, &b.api_version)));
    }

    #[test]
    fn scopes() {
        let schema = Schema::builtin();
        for (api_version, kind, expected) in [
            ("v1", "Namespace", true),
            ("v1", "Node", true),
            ("v1", "NodeProxyOptions", true),
            ("rbac.authorization.k8s.io/v1", "ClusterRole", true),
            ("rbac.authorization.k8s.io/v1", "Role", false),
            ("apps/v1", "Deployment", false),
            ("example.com/v1", "Namespace", false),
            ("", "", false),
        ] {
            assert_eq!(
                schema.is_cluster_scoped(api_version, kind),
                expected,
                "{api_version} {kind}"
            );
        }
    }

    #[test]
    fn merge_keys_of_builtin_types() {
        let schema = Schema::builtin();
        let pod = |path: &[&str]| {
            let template = schema
                .type_of("apps/v1", "Deployment")?
                .field("spec")?
                .field("template")?;
            path.iter().try_fold(template.field("spec")?, |this, &name| match name {
                "[]" => this.elements(),
                name => this.field(name),
            })
        };
        let keys = |path: &[&str]| pod(path)?.merge_keys().map(|keys| keys.join(","));
        assert_eq!(keys(&["containers"]).as_deref(), Some("name"));
        assert_eq!(
            keys(&["containers", "[]", "ports"]).as_deref(),
            Some("containerPort,protocol")
        );
        assert_eq!(
            keys(&["containers", "[]", "volumeMounts"]).as_deref(),
            Some("mountPath")
        );
        assert_eq!(keys(&["volumes"]).as_deref(), Some("name"));
        assert_eq!(keys(&["containers", "[]", "args"]), None);
        assert_eq!(keys(&["tolerations"]), None);
        let metadata = schema.type_of("v1", "Service").and_then(|this| this.field("metadata"));
        let finalizers = metadata
            .and_then(|this| this.field("finalizers"))
            .and_then(TypeRef::merge_keys);
        assert_eq!(finalizers.map(<[_]>::len), Some(0));
        assert!(schema.type_of("apps/v1beta1", "Deployment").is_none());
        assert!(schema.type_of("example.com/v1", "Trainer").is_none());
    }
}
