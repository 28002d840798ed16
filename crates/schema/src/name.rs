//! The syntax of names, labels and annotations (apimachinery's `validation` package).

/// Longest name of an object.
const SUBDOMAIN: usize = 253;
const LABEL: usize = 63;
/// All annotations of an object together.
pub(crate) const ANNOTATIONS: usize = 256 * 1024;

/// Which syntax the names of a kind have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NameSyntax {
    Subdomain,
    Label,
    /// A label that begins with a letter.
    Label1035,
    /// Whatever can stand in a path.
    PathSegment,
}

/// The syntax of the names of a kind.
pub(crate) fn syntax(group: &str, kind: &str) -> NameSyntax {
    match (group, kind) {
        ("", "Namespace") => NameSyntax::Label,
        ("", "Service") => NameSyntax::Label1035,
        ("rbac.authorization.k8s.io" | "certificates.k8s.io" | "apiregistration.k8s.io", _)
        | ("", "Event" | "ComponentStatus")
        | ("events.k8s.io" | "internal.apiserver.k8s.io", _)
        | ("networking.k8s.io", "IPAddress") => NameSyntax::PathSegment,
        _ => NameSyntax::Subdomain,
    }
}

/// What is wrong with a name.
pub(crate) fn name_problem(syntax: NameSyntax, name: &str) -> Option<String> {
    match syntax {
        NameSyntax::Subdomain => subdomain_problem(name),
        NameSyntax::Label => label_problem(name),
        NameSyntax::Label1035 => label_problem(name).or_else(|| {
            let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
            (!begins).then(|| "it must begin with a letter".to_owned())
        }),
        NameSyntax::PathSegment => {
            let is_bad = matches!(name, "" | "." | "..") || name.contains(['/', '%']);
            is_bad.then(|| "it may not be \".\" or \"..\" and may not hold \"/\" or \"%\"".to_owned())
        }
    }
}

fn too_long(name: &str, limit: usize) -> Option<String> {
    let length = name.len();
    (length > limit).then(|| format!("it has {length} characters, {limit} are allowed"))
}

/// What is wrong with a DNS label (RFC 1123).
pub(crate) fn label_problem(name: &str) -> Option<String> {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    too_long(name, LABEL).or_else(|| {
        let is_good = !name.is_empty() && name.bytes().all(is_inner) && !name.starts_with('-') && !name.ends_with('-');
        (!is_good)
            .then(|| "lower-case letters, digits and \"-\" are allowed, with a letter or digit at both ends".to_owned())
    })
}

/// What is wrong with a DNS name of several labels (RFC 1123).
pub(crate) fn subdomain_problem(name: &str) -> Option<String> {
    let is_part = |part: &str| {
        let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !part.is_empty() && part.bytes().all(is_inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    too_long(name, SUBDOMAIN).or_else(|| {
        let words =
            "lower-case letters, digits, \"-\" and \".\" are allowed, with a letter or digit at both ends of each part";
        (!name.split('.').all(is_part)).then(|| words.to_owned())
    })
}

/// What is wrong with the name of a port (IANA's service names).
pub(crate) fn port_name_problem(name: &str) -> Option<String> {
    let is_good = !name.is_empty()
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && name.bytes().any(|byte| byte.is_ascii_lowercase())
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    too_long(name, 15).or_else(|| {
        (!is_good)
            .then(|| "lower-case letters, digits and single \"-\" are allowed, with at least one letter".to_owned())
    })
}

fn qualified_part(part: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = part.as_bytes();
    is_end(bytes.first())
        && is_end(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// What is wrong with the key of a label or an annotation.
pub(crate) fn key_problem(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Some("one \"/\" may stand in it".to_owned());
    }
    if let Some(problem) = prefix.and_then(subdomain_problem) {
        return Some(format!("of what stands before \"/\", {problem}"));
    }
    too_long(name, LABEL).or_else(|| {
        let words = "letters, digits, \"-\", \"_\" and \".\" are allowed, with a letter or digit at both ends";
        (!qualified_part(name)).then(|| words.to_owned())
    })
}

/// What is wrong with the value of a label.
pub(crate) fn value_problem(value: &str) -> Option<String> {
    too_long(value, LABEL).or_else(|| {
        let words = "letters, digits, \"-\", \"_\" and \".\" are allowed, with a letter or digit at both ends";
        (!value.is_empty() && !qualified_part(value)).then(|| words.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_the_syntax_of_their_kind() {
        let table = [
            (NameSyntax::Subdomain, "web-1.example", true),
            (NameSyntax::Subdomain, "web_1", false),
            (NameSyntax::Subdomain, "web..x", false),
            (NameSyntax::Subdomain, "Web", false),
            (NameSyntax::Subdomain, "", false),
            (NameSyntax::Label, "team-a", true),
            (NameSyntax::Label, "team.a", false),
            (NameSyntax::Label, "-a", false),
            (NameSyntax::Label1035, "web", true),
            (NameSyntax::Label1035, "1web", false),
            (NameSyntax::PathSegment, "system:node-reader", true),
            (NameSyntax::PathSegment, "a/b", false),
            (NameSyntax::PathSegment, "..", false),
        ];
        for (syntax, name, is_good) in table {
            assert_eq!(name_problem(syntax, name).is_none(), is_good, "{syntax:?} {name}");
        }
        assert!(name_problem(NameSyntax::Label, &"a".repeat(63)).is_none());
        assert!(name_problem(NameSyntax::Label, &"a".repeat(64)).is_some());
        assert!(name_problem(NameSyntax::Subdomain, &"a".repeat(254)).is_some());
    }

    #[test]
    fn keys_and_values_of_labels() {
        for good in ["app", "app.kubernetes.io/name", "A_b.c-1", "example.com/X"] {
            assert_eq!(key_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "/name",
            "a/b/c",
            "example.com/",
            "Example.com/a",
            "-a",
            "a b",
            &"x".repeat(64),
        ] {
            assert!(key_problem(bad).is_some(), "{bad}");
        }
        for good in ["", "v1.2_3-x", "A"] {
            assert_eq!(value_problem(good), None, "{good}");
        }
        for bad in ["a b", "-x", "x/", "ä", &"x".repeat(64)] {
            assert!(value_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn names_of_ports() {
        for good in ["http", "8a", "https-alt"] {
            assert_eq!(port_name_problem(good), None, "{good}");
        }
        for bad in ["", "80", "a--b", "Http", "a-very-long-name-x"] {
            assert!(port_name_problem(bad).is_some(), "{bad}");
        }
    }
}
