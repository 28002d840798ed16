//! Who may do what, asked of a cloud over HTTP: `cases.txt` has what is granted beside what is asked, from Google's
//! documentation, in the order in which it is done.

pub(crate) mod federation;

use std::collections::BTreeMap;

use emulator::Iam;
use identity::{Member, ResourceName, State};
use serde_json::{Value as Json, json};

use crate::cloud::Cloud;
use federation::Signer;

const CASES: &str = include_str!("cases.txt");
/// Who sets everything up.
const ADMIN: &str = "user:admin@acme.com";

/// A line that asks something.
struct Case {
    line: usize,
    who: &'static str,
    act: &'static str,
    outcome: &'static str,
}

/// What lines of `cases.txt` say that ask nothing.
fn platform() -> State {
    let mut state = State::default();
    let read = |state: &mut State, document: Json, on: Option<&ResourceName>| {
        let source = yaml::Sources::new().add("grants.json", document.to_string());
        state.read(&source, on).unwrap();
    };
    let resource = |text: &str| ResourceName::parse(text).unwrap();
    let mut policies: BTreeMap<&str, Vec<Json>> = BTreeMap::new();
    let lists = |text: &str| -> Vec<String> { text.split(',').map(|item| item.trim().to_owned()).collect() };
    for line in CASES.lines() {
        let Some((word, rest)) = line
            .split_once(' ')
            .filter(|_| !line.contains(" | ") || line.starts_with("grant "))
        else {
            continue;
        };
        match word {
            "parent" => {
                let (child, parent) = rest.split_once(' ').unwrap();
                state.parents.push((resource(child), resource(parent)));
            }
            "number" => {
                let (number, project) = rest.split_once(' ').unwrap();
                state.project_numbers.insert(number.to_owned(), project.to_owned());
            }
            "group" => {
                let (name, members) = rest.split_once(" = ").unwrap();
                let members = members.split(' ').map(|member| member.parse().unwrap()).collect();
                state.groups.insert(name.to_owned(), members);
            }
            "role" => {
                let (name, permissions) = rest.split_once(" = ").unwrap();
                let permissions: Vec<&str> = permissions.split(' ').collect();
                read(
                    &mut state,
                    json!({"name": name, "includedPermissions": permissions}),
                    None,
                );
            }
            "disabled" => read(
                &mut state,
                json!([{"email": rest, "uniqueId": "1", "disabled": true}]),
                None,
            ),
            "grant" => {
                let (grant, condition) = rest.split_once(" if ").map_or((rest, None), |(a, b)| (a, Some(b)));
                let [on, role, member] = grant.split(' ').collect::<Vec<_>>()[..] else {
                    panic!("{line}")
                };
                let mut binding = json!({"role": role, "members": [member]});
                if let Some(condition) = condition {
                    binding["condition"] = json!({"title": "c", "expression": condition});
                }
                policies.entry(on).or_default().push(binding);
            }
            "deny" => {
                let (on, rest) = rest.split_once(' ').unwrap();
                let (rest, spared) = rest.split_once(" but ").map_or((rest, None), |(a, b)| (a, Some(b)));
                let (rest, except) = rest.split_once(" except ").map_or((rest, None), |(a, b)| (a, Some(b)));
                let (permissions, members) = rest.split_once(" to ").unwrap();
                let rule = json!({
                    "deniedPrincipals": lists(members),
                    "exceptionPrincipals": except.map(lists).unwrap_or_default(),
                    "deniedPermissions": lists(permissions),
                    "exceptionPermissions": spared.map(lists).unwrap_or_default(),
                });
                read(&mut state, json!({"rules": [{"denyRule": rule}]}), Some(&resource(on)));
            }
            _ => {}
        }
    }
    for (on, bindings) in policies {
        read(
            &mut state,
            json!({"version": 3, "bindings": bindings}),
            Some(&resource(on)),
        );
    }
    state
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().enumerate().filter(|(_, line)| {
        let is_said = [
            "#",
            "parent ",
            "number ",
            "group ",
            "role ",
            "disabled ",
            "grant ",
            "deny ",
        ];
        !line.is_empty() && !is_said.iter().any(|start| line.starts_with(start))
    });
    let case = |(at, line): (usize, &'static str)| {
        let [who, act, outcome] = line.splitn(3, " | ").collect::<Vec<_>>()[..] else {
            panic!("line {}: {line}", at + 1)
        };
        Case {
            line: at + 1,
            who,
            act,
            outcome,
        }
    };
    lines.map(case).collect()
}

/// What asks, with what is remembered from line to line.
struct Runner<'c> {
    cloud: &'c Cloud,
    signer: Signer,
    etag: String,
}

impl Runner<'_> {
    /// The token of somebody: none for anyone, and for accounts one that who comes first gets.
    fn token(&self, who: &str) -> Option<String> {
        if who == "anyone" {
            return None;
        }
        if let Some((first, chain)) = who.split_once(" as ") {
            let (code, body) = self.act_as(first, chain);
            assert_eq!(code, 200, "{who}: {body}");
            return Some(body["accessToken"].as_str().unwrap().to_owned());
        }
        if who.starts_with("ci ") || who.starts_with("pod ") {
            let (code, body) = self.signer.exchange(self.cloud, who);
            assert_eq!(code, 200, "{who}: {body}");
            return Some(body["access_token"].as_str().unwrap().to_owned());
        }
        Some(who.to_owned())
    }

    /// A token of the last account of a chain, for who may have one of each by the one before.
    fn act_as(&self, who: &str, chain: &str) -> (u16, Json) {
        let account = |name: &str| match name.contains('@') {
            true => name.to_owned(),
            false => format!("{name}@acme-dev.iam.gserviceaccount.com"),
        };
        let mut chain: Vec<String> = chain.split(" > ").map(account).collect();
        let last = chain.pop().unwrap();
        let delegates: Vec<String> = chain
            .iter()
            .map(|name| format!("projects/-/serviceAccounts/{name}"))
            .collect();
        let body = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"], "delegates": delegates});
        let path = format!("/v1/projects/-/serviceAccounts/{last}:generateAccessToken");
        self.cloud.call("POST", &path, self.token(who).as_deref(), Some(body))
    }

    /// Does what a line says; how many things it decided, and what is wrong.
    fn run(&mut self, case: &Case) -> (usize, Option<String>) {
        let mut words = case.act.splitn(3, ' ');
        let (verb, target) = (words.next().unwrap(), words.next().unwrap_or_default());
        let rest = words.next();
        match verb {
            "has" => return self.has(case, target),
            "token" => {
                let chain = case.act.strip_prefix("token of ").unwrap();
                let (code, body) = self.act_as(case.who, chain);
                return (1, self.judge(case, target, code, &body));
            }
            "exchange" => {
                let (code, body) = self.signer.exchange(self.cloud, case.who);
                let found = match code {
                    200 => "200".to_owned(),
                    code => format!("{code} {}", body["error"].as_str().unwrap_or_default()),
                };
                return (1, (found != case.outcome).then(|| format!("{found}: {body}")));
            }
            _ => {}
        }
        let body = rest.map(|text| {
            let text = text
                .replace("$etag", &self.etag)
                .replace("\"$jwks\"", &self.signer.keys());
            let text = text.replace("$cluster", &format!("{}/oidc", self.cloud.url));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("line {}: {error}: {text}", case.line))
        });
        let token = self.token(case.who);
        let (code, answer) = self.cloud.call(verb, target, token.as_deref(), body);
        if let Some(etag) = answer["etag"]
            .as_str()
            .filter(|_| target.contains("IamPolicy") || target.ends_with("/iam"))
        {
            etag.clone_into(&mut self.etag);
        }
        (1, self.judge(case, target, code, &answer))
    }

    /// Permissions that are held, `+`, and those that are not, `-`: asked in one call.
    fn has(&self, case: &Case, on: &str) -> (usize, Option<String>) {
        let asked: Vec<&str> = case.outcome.split_whitespace().collect();
        let names: Vec<&str> = asked.iter().map(|name| &name[1..]).collect();
        let token = self.token(case.who);
        let (code, answer) = match on.strip_prefix("gs://") {
            Some(bucket) => {
                let query: Vec<String> = names.iter().map(|name| format!("permissions={name}")).collect();
                let path = format!("/storage/v1/b/{bucket}/iam/testPermissions?{}", query.join("&"));
                self.cloud.call("GET", &path, token.as_deref(), None)
            }
            None => {
                let path = match on.split_once('@') {
                    Some(_) => format!("/v1/projects/-/serviceAccounts/{on}"),
                    None => format!("/v3/{on}"),
                };
                let body = json!({"permissions": names});
                self.cloud.call(
                    "POST",
                    &format!("{path}:testIamPermissions"),
                    token.as_deref(),
                    Some(body),
                )
            }
        };
        let held = answer["permissions"].as_array().cloned().unwrap_or_default();
        let found: Vec<String> = names
            .iter()
            .map(|name| format!("{}{name}", if held.contains(&json!(name)) { '+' } else { '-' }))
            .collect();
        let found = found.join(" ");
        let is_right = code == 200 && found == asked.join(" ");
        (asked.len(), (!is_right).then(|| format!("{code}: {found}: {answer}")))
    }

    /// Whether an answer is what a line says: a code, and the permission that was lacking or a part of the message.
    fn judge(&self, case: &Case, path: &str, code: u16, answer: &Json) -> Option<String> {
        let (wanted, what) = case.outcome.split_once(' ').unwrap_or((case.outcome, ""));
        let error = &answer["error"];
        let message = error["message"].as_str().unwrap_or_default();
        let is_right = match wanted {
            "403" if path.contains("/storage/") => {
                let who = case.who.parse::<Member>().unwrap().short();
                let last = format!("Permission '{what}' denied on resource (or it may not exist).");
                message.starts_with(&format!("{who} does not have {what} access to the Google Cloud"))
                    && message.ends_with(&last)
                    && error["errors"] == json!([{"message": message, "domain": "global", "reason": "forbidden"}])
            }
            "403" if what.contains('.') => {
                let resource = error["details"][0]["metadata"]["resource"].as_str().unwrap_or_default();
                let service = resource.trim_start_matches("//").split('/').next().unwrap_or_default();
                *error
                    == json!({
                        "code": 403,
                        "message": format!("Permission '{what}' denied on resource '{resource}' (or it may not exist)."),
                        "status": "PERMISSION_DENIED",
                        "details": [{
                            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                            "reason": "IAM_PERMISSION_DENIED",
                            "domain": service,
                            "metadata": {"permission": what, "resource": resource},
                        }],
                    })
            }
            _ => message.contains(what),
        };
        (code.to_string() != wanted || !is_right).then(|| format!("{code}: {answer}"))
    }
}

#[test]
fn the_documentation_is_followed() {
    let cases = cases();
    let members = cases.iter().map(|case| case.who.split(" as ").next().unwrap());
    let tokens = members.filter(|who| who.contains(':') && !who.starts_with("ci ") && !who.starts_with("pod "));
    let tokens: Vec<(String, Member)> = tokens
        .chain([ADMIN])
        .map(|who| (who.to_owned(), who.parse().unwrap()))
        .collect();
    let cloud = Cloud::with_tokens(Iam::Enforce, platform(), tokens);
    let mut runner = Runner {
        cloud: &cloud,
        signer: Signer::new(),
        etag: String::new(),
    };
    let mut decisions = 0;
    let mut wrong = Vec::new();
    for case in &cases {
        let (count, failure) = runner.run(case);
        decisions += count;
        if let Some(failure) = failure {
            wrong.push(format!(
                "cases.txt:{}: {} | {} | {}\n  {failure}",
                case.line, case.who, case.act, case.outcome
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    println!("{} calls, {decisions} decisions", cases.len());
    assert!(cases.len() >= 300, "{}", cases.len());
}
