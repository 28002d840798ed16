//! Merge keys that the user declares for lists of a type, beside what the schema knows of it.

use std::borrow::Cow;
use std::sync::Arc;

use yaml::Text;

use super::{Custom, Field, Kind, Schema, Tables, Type, TypeId};

impl Schema {
    /// This schema, in which the list at `path` of a type is merged by `keys`. A part `*` of the path
    /// stands for the elements of a list. The types on the way are copied: other kinds that share them
    /// stay as they are.
    #[must_use]
    pub fn with_merge_keys(&self, api_version: &str, kind: &str, path: &[String], keys: &[Text]) -> Schema {
        let mut custom = self.to_custom();
        let at = custom
            .kinds
            .binary_search_by(|row| (&*row.kind, &*row.api_version).cmp(&(kind, api_version)));
        let known = at.ok().map(|at| custom.kinds[at].type_id);
        let mut id = custom.copy(known);
        match at {
            Ok(at) => custom.kinds[at].type_id = id,
            Err(at) => custom.kinds.insert(
                at,
                Kind {
                    kind: kind.to_owned().into(),
                    api_version: api_version.to_owned().into(),
                    type_id: id,
                },
            ),
        }
        for part in path {
            id = custom.own_child(id, part);
        }
        let list = &mut custom.types[id as usize];
        list.merge = Some(keys.iter().map(|key| Cow::Owned(key.to_string())).collect());
        if list.items.is_none() {
            let items = custom.copy(None);
            custom.types[id as usize].items = Some(items);
        }
        Schema(Tables::Custom(Arc::new(custom)))
    }
}

impl Custom {
    /// A new type like another one.
    fn copy(&mut self, of: Option<TypeId>) -> TypeId {
        let this = of.map_or(Type::OPAQUE, |id| self.types[id as usize].clone());
        self.types.push(this);
        TypeId::try_from(self.types.len() - 1).expect("fewer than 2^32 types")
    }

    /// The type of a field or of the elements, as a copy that nothing else uses.
    fn own_child(&mut self, id: TypeId, part: &str) -> TypeId {
        let this = &self.types[id as usize];
        if part == "*" {
            let child = self.copy(this.items);
            self.types[id as usize].items = Some(child);
            return child;
        }
        let at = this.fields.binary_search_by(|field| (*field.name).cmp(part));
        let known = at.ok().map(|at| this.fields[at].type_id).or(this.values);
        let child = self.copy(known);
        let fields = self.types[id as usize].fields.to_mut();
        match at {
            Ok(at) => fields[at].type_id = child,
            Err(at) => fields.insert(
                at,
                Field {
                    name: part.to_owned().into(),
                    type_id: child,
                },
            ),
        }
        child
    }
}

#[cfg(test)]
mod tests {
    use super::super::TypeRef;
    use super::*;

    #[test]
    fn keys_are_declared_for_one_kind_alone() {
        let path = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
        let keys = |schema: &Schema, api_version: &str, kind: &str, text: &str| {
            let root = schema.type_of(api_version, kind)?;
            let list = path(text).iter().try_fold(root, |this, part| match part.as_str() {
                "*" => this.elements(),
                name => this.field(name),
            })?;
            list.merge_keys().map(|keys| keys.join(","))
        };
        let schema = Schema::builtin()
            .with_merge_keys(
                "example.com/v1",
                "Trainer",
                &path("spec.groups.*.workers"),
                &["id".into()],
            )
            .with_merge_keys(
                "apps/v1",
                "Deployment",
                &path("spec.template.spec.tolerations"),
                &["key".into()],
            );
        assert_eq!(
            keys(&schema, "example.com/v1", "Trainer", "spec.groups.*.workers").as_deref(),
            Some("id")
        );
        let pod = "spec.template.spec";
        let of = |kind: &str, list: &str| keys(&schema, "apps/v1", kind, &format!("{pod}.{list}"));
        assert_eq!(of("Deployment", "tolerations").as_deref(), Some("key"));
        assert_eq!(of("Deployment", "containers").as_deref(), Some("name"));
        assert_eq!(of("StatefulSet", "tolerations"), None);
        assert!(schema.type_of("example.com/v2", "Trainer").is_none());
        assert!(
            schema
                .type_of("v1", "Service")
                .and_then(|this| TypeRef::field(this, "metadata"))
                .is_some()
        );
    }
}
