//! The metadata server: who a machine is, and its tokens
//! (<https://cloud.google.com/compute/docs/metadata/predefined-metadata-keys>).

use hyper::Method;
use serde_json::{Value as Json, json};

use crate::access::Principal;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::{iam, iam_credentials, time, token};

const SECONDS: u64 = 3600;

/// Who the machine is that asks.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) project: String,
    pub(crate) account: Option<String>,
    /// Whether nobody else calls on its port. A call without a token is its account's then: clients of Cloud Storage send
    /// none once they are pointed at an emulator.
    pub(crate) is_alone: bool,
}

/// Answers below `/computeMetadata`, and at the root, by which clients find the server.
pub(crate) fn answer(cloud: &Cloud, machine: &Machine, call: &Call) -> Result<Reply> {
    let reply = |reply: Reply| {
        reply
            .with("metadata-flavor", "Google")
            .with("server", "Metadata Server for VM")
    };
    let path = call.path();
    if path.is_empty() {
        return Ok(reply(Reply::text("computeMetadata/\n")));
    }
    if call.header("metadata-flavor") != Some("Google") || call.header("x-forwarded-for").is_some() {
        return Err(ApiError::new(
            Status::PermissionDenied,
            "The request must have the header Metadata-Flavor: Google, and come from the machine itself.",
        ));
    }
    if call.method != Method::GET {
        return Err(ApiError::unimplemented("writing metadata"));
    }
    let Some(["computeMetadata", "v1"]) = path.get(..2) else {
        return Err(missing());
    };
    let is_recursive = call
        .query("recursive")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let found = match (&path[2..], &machine.account) {
        ([], _) => Reply::text("instance/\nproject/\nuniverse/\n"),
        (["project", "project-id"], _) => Reply::text(&machine.project),
        (["project", "numeric-project-id"], _) => Reply::text(number(cloud, &machine.project)),
        (["universe", "universe-domain"], _) => Reply::text("googleapis.com"),
        (["instance", "id"], _) => Reply::text("1"),
        (["instance", "zone"], _) => Reply::text(format!("projects/{}/zones/local-a", number(cloud, &machine.project))),
        (["instance", "service-accounts"], Some(account)) if is_recursive => {
            let known = json!({"aliases": ["default"], "email": account, "scopes": [token::CLOUD_PLATFORM]});
            Reply::json(&json!({"default": known, account: known}))
        }
        (["instance", "service-accounts"], Some(account)) => Reply::text(format!("{account}/\ndefault/\n")),
        (["instance", "service-accounts", name, rest @ ..], Some(account)) if *name == "default" || name == account => {
            of_account(cloud, account, rest, is_recursive, call)?
        }
        _ => return Err(missing()),
    };
    Ok(reply(found))
}

fn of_account(cloud: &Cloud, account: &str, rest: &[&str], is_recursive: bool, call: &Call) -> Result<Reply> {
    Ok(match rest {
        [] if is_recursive => {
            Reply::json(&json!({"aliases": ["default"], "email": account, "scopes": [token::CLOUD_PLATFORM]}))
        }
        [] => Reply::text("aliases\nemail\nidentity\nscopes\ntoken\n"),
        ["email"] => Reply::text(account),
        ["aliases"] => Reply::text("default\n"),
        ["scopes"] => Reply::text(format!("{}\n", token::CLOUD_PLATFORM)),
        ["token"] => {
            let account = iam::account(cloud, account)?;
            let asked = call
                .query("scopes")
                .map(|scopes| scopes.split(',').map(str::to_owned).collect());
            let principal = Cloud::as_account(&account);
            let scopes = asked.unwrap_or_else(|| principal.scopes.clone());
            let issued = token::issue(&cloud.store, &Principal { scopes, ..principal }, SECONDS)?;
            let body: Json = json!({
                "access_token": issued.token,
                "expires_in": issued.expires.saturating_sub(time::now_seconds()),
                "token_type": "Bearer",
            });
            Reply::json(&body)
        }
        ["identity"] => {
            let audience = call.query("audience");
            let audience = audience.ok_or_else(|| ApiError::invalid("non-empty audience parameter required"))?;
            let is_full = call.query("format") == Some("full");
            Reply::text(iam_credentials::id_token(cloud, account, audience, is_full)?)
        }
        _ => return Err(missing()),
    })
}

/// The number of a project; where none is known, one that its id gives.
pub(crate) fn number(cloud: &Cloud, project: &str) -> String {
    let known = cloud
        .authority
        .ask(|reasoner| reasoner.state().project_number(project).map(str::to_owned));
    known.unwrap_or_else(|| iam::unique_id(project)[9..].trim_start_matches('0').to_owned())
}

fn missing() -> ApiError {
    ApiError::not_found("The metadata server has no such entry.")
}
