//! The table of the permissions that methods of Google's APIs need.
//!
//! In: the discovery documents of a package google-api-python-client, for the names of the methods; `methods.txt`, for
//! what the names do not say; the table of roles, since a permission that no role has is a slip. Out:
//! `identity/data/methods.deflate`.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

use identity::PredefinedRoles;
use serde_json::Value;

const RULES: &str = include_str!("methods.txt");
const DOCUMENTS: [&str; 8] = [
    "aiplatform.v1",
    "artifactregistry.v1",
    "iam.v1",
    "iamcredentials.v1",
    "logging.v2",
    "secretmanager.v1",
    "storage.v1",
    "sts.v1",
];

struct Rule {
    service: &'static str,
    /// The segments that a method ends with.
    end: Vec<&'static str>,
    permissions: Vec<&'static str>,
}

/// Reads the documents of a directory, and packs the table. The date is that of the documents.
#[expect(clippy::print_stdout, reason = "the one who runs it wants to know the size")]
pub(crate) fn generate(directory: &Path, date: &str) -> Result<(), Box<dyn Error>> {
    let rules: Vec<Rule> = RULES.lines().filter_map(rule).collect();
    let mut methods: BTreeMap<String, String> = BTreeMap::new();
    let mut unknown = 0;
    for name in DOCUMENTS {
        let document = std::fs::read_to_string(directory.join(format!("{name}.json")))?;
        let document: Value = serde_json::from_str(&document)?;
        let mut ids = Vec::new();
        collect(&document, &mut ids);
        for id in ids {
            match permissions(&id, &rules)? {
                Some(permissions) => {
                    methods.insert(id, permissions.join(","));
                }
                None => unknown += 1,
            }
        }
    }
    let mut text = format!("{date}\n");
    let mut before = "";
    for (id, permissions) in &methods {
        let same = before.bytes().zip(id.bytes()).take_while(|(a, b)| a == b).count();
        writeln!(text, "{same} {}\t{permissions}", &id[same..])?;
        before = id;
    }
    let packed = miniz_oxide::deflate::compress_to_vec(text.as_bytes(), 10);
    println!(
        "{} methods, {unknown} of unknown permissions, {} bytes",
        methods.len(),
        packed.len()
    );
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../identity/data/methods.deflate");
    Ok(std::fs::write(data, packed)?)
}

fn rule(line: &'static str) -> Option<Rule> {
    let (method, permissions) = line.split_once(" = ").filter(|_| !line.starts_with('#'))?;
    let (service, end) = method.split_once(' ')?;
    Some(Rule {
        service,
        end: end.split('.').collect(),
        permissions: permissions.split(' ').filter(|name| *name != "-").collect(),
    })
}

fn collect(node: &Value, ids: &mut Vec<String>) {
    let each = |field: &str| node[field].as_object().into_iter().flatten();
    ids.extend(each("methods").filter_map(|(_, method)| method["id"].as_str().map(str::to_owned)));
    for (_, resource) in each("resources") {
        collect(resource, ids);
    }
}

/// The permissions of a method: by the longest rule, or by its own name. None where nobody knows.
fn permissions(id: &str, rules: &[Rule]) -> Result<Option<Vec<String>>, Box<dyn Error>> {
    let table = PredefinedRoles::embedded();
    let segments: Vec<&str> = id.split('.').collect();
    let (service, path) = segments.split_first().ok_or("a method without a name")?;
    let verb = match path.last().copied().unwrap_or_default() {
        "patch" => "update",
        "insert" => "create",
        "testIamPermissions" => return Ok(Some(Vec::new())),
        verb => verb,
    };
    let fits = |rule: &&Rule| {
        let start = path.len().checked_sub(rule.end.len());
        rule.service == *service
            && start.is_some_and(|start| {
                path[start..]
                    .iter()
                    .zip(&rule.end)
                    .all(|(part, end)| *end == "*" || part == end)
            })
    };
    // A rule that names the verb comes before one for any.
    let key = |rule: &&Rule| (rule.end.len(), rule.end.last() != Some(&"*"));
    if let Some(rule) = rules.iter().filter(fits).max_by_key(key) {
        let named: Vec<String> = rule.permissions.iter().map(|name| name.replace('$', verb)).collect();
        let is_open = rule.end.last() == Some(&"*");
        return match named.iter().find(|name| !table.knows_permission(name)) {
            None => Ok(Some(named)),
            Some(_) if is_open => Ok(None),
            Some(name) => Err(format!("{id}: no role has {name}").into()),
        };
    }
    let Some(resource) = path.len().checked_sub(2).map(|at| path[at]) else {
        return Ok(None);
    };
    let own = format!("{service}.{resource}.{verb}");
    Ok(table.knows_permission(&own).then(|| vec![own]))
}
