//! What a provider makes of a token: the principal and its attributes, or a refusal
//! (<https://cloud.google.com/iam/docs/workload-identity-federation#mapping>).
//!
//! In go the claims of a token, as JSON has them. The mapping and the condition are CEL over `assertion`; the
//! condition reads `google` and `attribute` as well.

use expression::{Environment, Error, Meter, Program, Value};
use serde_json::Value as Json;

use crate::member::{Member, Pool};
use crate::provider::Provider;
use crate::state::State;

/// Room for all that fits into the 4,096 characters of a condition.
const COST_LIMIT: u64 = 100_000;
/// Google's limit for `google.subject`, in bytes.
const LONGEST_SUBJECT: usize = 127;
const SUBJECT: &str = "google.subject";
const GROUPS: &str = "google.groups";

/// What a token is exchanged for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    Principal(Principal),
    /// The provider takes it not, with the reason.
    Refused(String),
    /// What would have to be known.
    Unknown(String),
}

/// Who the bearer of a token is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub member: Member,
    /// `attribute.NAME` and `google.groups` with their values, as [`Access`](crate::Access) takes them.
    pub attributes: Vec<(String, String)>,
}

/// The claims of a token that a cluster gives to a service account.
///
/// What differs from pod to pod, such as its name, is not there.
pub fn claims_of_account(issuer: Option<&str>, audience: &str, namespace: &str, name: &str) -> Json {
    let mut claims = serde_json::Map::new();
    if let Some(issuer) = issuer {
        claims.insert("iss".to_owned(), issuer.into());
    }
    claims.insert(
        "sub".to_owned(),
        format!("system:serviceaccount:{namespace}:{name}").into(),
    );
    claims.insert("aud".to_owned(), vec![audience].into());
    let account: serde_json::Map<String, Json> = [("name".to_owned(), name.into())].into_iter().collect();
    let of_cluster: serde_json::Map<String, Json> = [
        ("namespace".to_owned(), namespace.into()),
        ("serviceaccount".to_owned(), account.into()),
    ]
    .into_iter()
    .collect();
    claims.insert("kubernetes.io".to_owned(), of_cluster.into());
    Json::Object(claims)
}

impl Provider {
    /// The full name, with the number of the project where that is known.
    fn name(&self, state: &State) -> String {
        format!("{}/providers/{}", numbered(&self.pool, state), self.id)
    }

    /// What tokens may be for, where the provider says nothing itself: its own name.
    pub fn default_audience(&self, state: &State) -> String {
        format!("https://{}", self.name(state))
    }

    /// What the provider makes of a token with some claims.
    pub fn exchange(&self, claims: &Json, state: &State) -> Exchange {
        match self.refusal(claims, state) {
            None => {}
            Some(refused) => return Exchange::Refused(refused),
        }
        let assertion = value(claims);
        let mut attributes: Vec<(String, String)> = Vec::new();
        let mut subject = None;
        for (name, text) in self.mapping() {
            match evaluate(text, &[("assertion", assertion.clone())]) {
                Ok(value) if name == SUBJECT => match value.as_str() {
                    Some(text) => subject = Some(text.to_owned()),
                    None => return Exchange::Refused("its google.subject is no text".to_owned()),
                },
                Ok(Value::List(list)) => {
                    let texts = list
                        .items
                        .iter()
                        .filter_map(|item| Some((name.to_owned(), item.as_str()?.to_owned())));
                    attributes.extend(texts);
                }
                Ok(value) => attributes.extend(value.as_str().map(|text| (name.to_owned(), text.to_owned()))),
                Err(why) if name == SUBJECT => {
                    return Exchange::Unknown(format!("what {SUBJECT} is cannot be told: {why}"));
                }
                // An attribute of what is not known here, such as the name of a pod: grants by it cannot be told.
                Err(_) => {}
            }
        }
        let Some(subject) = subject.filter(|subject| !subject.is_empty()) else {
            return Exchange::Refused(format!("the provider {} maps nothing to {SUBJECT}", self.id));
        };
        if subject.len() > LONGEST_SUBJECT {
            let length = subject.len();
            return Exchange::Refused(format!(
                "its {SUBJECT} has {length} bytes, and {LONGEST_SUBJECT} are allowed"
            ));
        }
        if let Some(condition) = &self.condition {
            let bindings = [
                ("assertion", assertion),
                ("google", google(&subject, &attributes)),
                ("attribute", custom(&attributes)),
            ];
            match evaluate(condition, &bindings).map(|value| value.as_bool()) {
                Ok(Some(true)) => {}
                Ok(_) => return Exchange::Refused(format!("the condition of {} does not hold: {condition}", self.id)),
                Err(why) => {
                    return Exchange::Unknown(format!(
                        "whether the condition of {} holds cannot be told: {why}",
                        self.id
                    ));
                }
            }
        }
        Exchange::Principal(Principal {
            member: Member::Federated {
                pool: Pool {
                    project: project(&self.pool, state),
                    ..self.pool.clone()
                },
                subject,
            },
            attributes,
        })
    }

    /// Why issuer or audience do not fit.
    fn refusal(&self, claims: &Json, state: &State) -> Option<String> {
        // Amazon's providers have neither.
        let issuer = self.issuer.as_deref()?;
        // Google's own pages write issuers with a slash at the end and without.
        if let Some(found) = claims.get("iss").and_then(Json::as_str)
            && found.trim_end_matches('/') != issuer.trim_end_matches('/')
        {
            return Some(format!(
                "{found} signs it, and the provider {} trusts {issuer}",
                self.id
            ));
        }
        let audiences: Vec<&str> = match claims.get("aud") {
            Some(Json::String(one)) => vec![one],
            Some(Json::Array(several)) => several.iter().filter_map(Json::as_str).collect(),
            _ => Vec::new(),
        };
        let own = self.name(state);
        let is_allowed = |audience: &&str| match self.audiences.is_empty() {
            true => audience.trim_start_matches("https:").trim_start_matches("//") == own,
            false => self.audiences.iter().any(|allowed| allowed == audience),
        };
        if audiences.iter().any(is_allowed) {
            return None;
        }
        let allowed = match self.audiences.is_empty() {
            true => self.default_audience(state),
            false => self.audiences.join(", "),
        };
        let found = if audiences.is_empty() {
            "nobody".to_owned()
        } else {
            audiences.join(", ")
        };
        Some(format!(
            "it is for {found}, and the provider {} takes tokens for {allowed}",
            self.id
        ))
    }

    /// The mapping, that which Amazon's providers have without one included.
    fn mapping(&self) -> Vec<(&str, &str)> {
        if self.mapping.is_empty() && self.issuer.is_none() {
            return vec![(SUBJECT, "assertion.arn"), ("attribute.aws_role", AWS_ROLE)];
        }
        self.mapping
            .iter()
            .map(|(name, text)| (name.as_str(), text.as_str()))
            .collect()
    }
}

/// The role of an assumed role's session, or the name as it is
/// (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds#mappings-and-conditions>).
const AWS_ROLE: &str = "assertion.arn.contains('assumed-role') ? assertion.arn.extract('{account_arn}assumed-role/') + \
                        'assumed-role/' + assertion.arn.extract('assumed-role/{role_name}/') : assertion.arn";

/// The number of the project of a pool, where it is known.
fn project(pool: &Pool, state: &State) -> Option<String> {
    let project = pool.project.as_deref()?;
    Some(state.project_number(project).unwrap_or(project).to_owned())
}

fn numbered(pool: &Pool, state: &State) -> Pool {
    Pool {
        project: project(pool, state),
        ..pool.clone()
    }
}

fn evaluate(text: &str, bindings: &[(&str, Value)]) -> Result<Value, String> {
    let names = bindings.iter().map(|(name, _)| *name);
    let environment = Environment::new(names).with_iam();
    let program = Program::compile(text, &environment).map_err(|error| format!("{text} is malformed: {error}"))?;
    program
        .eval(&bindings, &Meter::new(COST_LIMIT))
        .map_err(|error| match error {
            Error::Failed(message) => format!("{text}: {message}"),
            Error::Exhausted => format!("{text} takes too long"),
        })
}

/// `google`, as conditions read it.
fn google(subject: &str, attributes: &[(String, String)]) -> Value {
    let groups = attributes.iter().filter(|(name, _)| name == GROUPS);
    let groups: Vec<Value> = groups.map(|(_, group)| Value::from(group.as_str())).collect();
    Value::map([("subject", Value::from(subject)), ("groups", Value::list(groups))])
}

/// `attribute`, as conditions read it.
fn custom(attributes: &[(String, String)]) -> Value {
    let custom = attributes
        .iter()
        .filter_map(|(name, value)| Some((name.strip_prefix("attribute.")?, Value::from(value.as_str()))));
    Value::map(custom)
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Double(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => Value::list(items.iter().map(value).collect::<Vec<_>>()),
        Json::Object(fields) => Value::map(fields.iter().map(|(name, field)| (name.as_str(), value(field)))),
    }
}
