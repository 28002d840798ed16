//! Names of objects as a person types them: `Deployment/iris`, `Deployment.apps/iris.iris-prod`.

use std::str::FromStr;

use resource::{ResId, Resource, nearest};

use crate::diagnostic::Diagnostic;

/// `KIND[.GROUP]/NAME[.NAMESPACE]`; the kind may be left away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObjectName {
    /// Kind, perhaps with its group or version and group.
    kind: Option<String>,
    /// Name, perhaps with the namespace. Names may hold dots themselves.
    name: String,
}

impl FromStr for ObjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<ObjectName, String> {
        let (kind, name) = match text.split_once('/') {
            Some((kind, name)) => (Some(kind), name),
            None => (None, text),
        };
        if name.is_empty() || kind.is_some_and(str::is_empty) {
            return Err("an object is named KIND/NAME, such as Deployment/iris".to_owned());
        }
        Ok(ObjectName {
            kind: kind.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

impl ObjectName {
    /// The one object of this name: by the id it has, or else by one it had.
    pub(super) fn find<'o>(&self, objects: &'o [Resource]) -> Result<&'o Resource, Diagnostic> {
        let by_current = objects.iter().filter(|object| self.matches(&object.id()));
        let mut found: Vec<&Resource> = by_current.collect();
        if found.is_empty() {
            let had = |object: &&Resource| object.previous_ids().any(|id| self.matches(&id));
            found = objects.iter().filter(had).collect();
        }
        match found.as_slice() {
            [one] => Ok(one),
            [] => Err(self.not_found(objects)),
            several => {
                let names: Vec<String> = several.iter().map(|object| object.id().full_name()).collect();
                let message = format!("\"{self}\" names {} objects", names.len());
                Err(Diagnostic::error(message).hint(format!("say which: {}", names.join(", "))))
            }
        }
    }

    fn matches(&self, id: &ResId) -> bool {
        let name_matches = *id.name == *self.name
            || self
                .name
                .strip_prefix(&*id.name)
                .and_then(|rest| rest.strip_prefix('.'))
                .is_some_and(|namespace| namespace == id.effective_namespace());
        let kind_matches = |kind: &str| {
            let (kind, of) = kind.split_once('.').unwrap_or((kind, ""));
            let group_matches = of.is_empty()
                || *id.gvk.group == *of
                || *id.gvk.version == *of
                || of.split_once('.').is_some_and(|(version, group)| {
                    *id.gvk.version == *version
                        && (*id.gvk.group == *group || (group == "[noGrp]" && id.gvk.group.is_empty()))
                });
            id.gvk.kind.eq_ignore_ascii_case(kind) && group_matches
        };
        name_matches && self.kind.as_deref().is_none_or(kind_matches)
    }

    fn not_found(&self, objects: &[Resource]) -> Diagnostic {
        let error = Diagnostic::error(format!("no object \"{self}\" in the result"));
        if objects.is_empty() {
            return error.hint("the result has no objects");
        }
        let kind = self
            .kind
            .as_deref()
            .unwrap_or_default()
            .split('.')
            .next()
            .unwrap_or_default();
        let is_of_kind = |object: &&Resource| object.kind().eq_ignore_ascii_case(kind);
        let mut candidates: Vec<&Resource> = objects.iter().filter(is_of_kind).collect();
        if candidates.is_empty() {
            candidates = objects.iter().collect();
        }
        let names: Vec<String> = candidates.iter().map(|object| object.id().full_name()).collect();
        let near = nearest(&self.to_string(), names.iter().map(String::as_str));
        let more = match objects.len().saturating_sub(near.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        error.hint(format!("there is {}{more}", near.join(", ")))
    }
}

impl std::fmt::Display for ObjectName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.kind {
            Some(kind) => write!(f, "{kind}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use resource::Gvk;

    fn matches(name: &str, namespace: &str, asked: &str) -> bool {
        let gvk = Gvk::from_fields("apps/v1", "Deployment");
        let id = ResId {
            gvk,
            name: name.into(),
            namespace: namespace.into(),
            cluster_scoped: false,
        };
        asked.parse::<ObjectName>().unwrap().matches(&id)
    }

    #[test]
    fn matches_what_is_said() {
        for asked in [
            "Deployment/iris",
            "deployment/iris",
            "iris",
            "Deployment.apps/iris",
            "Deployment.v1.apps/iris.prod",
            "iris.prod",
        ] {
            assert!(matches("iris", "prod", asked), "{asked}");
        }
        for asked in [
            "Deployment/iri",
            "Service/iris",
            "Deployment.batch/iris",
            "iris.dev",
            "Deployment/iris.",
        ] {
            assert!(!matches("iris", "prod", asked), "{asked}");
        }
        assert!(matches("iris.example.com", "", "Deployment/iris.example.com"));
        assert!(matches("iris", "", "Deployment/iris.default"));
    }

    #[test]
    fn refuses_half_a_name() {
        assert!("Deployment/".parse::<ObjectName>().is_err());
        assert!("/iris".parse::<ObjectName>().is_err());
    }
}
