//! IAM Credentials: tokens of a service account for who may act as it
//! (<https://cloud.google.com/iam/docs/reference/credentials/rest>).

use identity::{Member, ResourceName};
use serde_json::{Value as Json, json};

use crate::access::{Caller, Principal};
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result};
use crate::{iam, time, token};

const SECONDS: u64 = 3600;
const LONGEST: u64 = 43_200;

/// Answers `POST /v1/projects/-/serviceAccounts/EMAIL:VERB`.
pub(crate) async fn answer(cloud: &Cloud, caller: &Caller, call: &mut Call, email: &str, verb: &str) -> Result<Reply> {
    let body = call.json().await?;
    let permission = match verb {
        "generateAccessToken" => "iam.serviceAccounts.getAccessToken",
        "generateIdToken" => "iam.serviceAccounts.getOpenIdToken",
        _ => {
            return Err(ApiError::unimplemented(format!(
                "{verb}: it signs with keys that no account here has"
            )));
        }
    };
    caller.principal()?;
    let target = may_act_as(cloud, caller, &body, email, permission)?;
    match verb {
        "generateAccessToken" => {
            let scopes = texts(&body["scope"]);
            if scopes.is_empty() {
                return Err(ApiError::invalid("Scope required."));
            }
            let seconds = lifetime(&body["lifetime"])?;
            let issued = token::issue(&cloud.store, &Principal { scopes, ..target }, seconds)?;
            Ok(Reply::json(&json!({
                "accessToken": issued.token,
                "expireTime": time::rfc3339_seconds(issued.expires),
            })))
        }
        _ => {
            let audience = body["audience"].as_str().filter(|audience| !audience.is_empty());
            let audience = audience.ok_or_else(|| ApiError::invalid("Audience required."))?;
            let with_email = body["includeEmail"].as_bool().unwrap_or(false);
            Ok(Reply::json(
                &json!({"token": id_token(cloud, email, audience, with_email)?}),
            ))
        }
    }
}

/// An identity token of a service account. Its issuer is that of this cloud.
pub(crate) fn id_token(cloud: &Cloud, email: &str, audience: &str, with_email: bool) -> Result<String> {
    let now = time::now_seconds();
    let id = iam::unique_id(email);
    let mut claims = json!({
        "iss": cloud.issuer.url(),
        "aud": audience,
        "azp": id,
        "sub": id,
        "iat": now,
        "exp": now + SECONDS,
    });
    if with_email {
        claims["email"] = email.into();
        claims["email_verified"] = true.into();
    }
    cloud.issuer.sign(&claims)
}

/// The account at the end of a chain of impersonation, if the caller may act as the first and each as the next.
fn may_act_as(cloud: &Cloud, caller: &Caller, body: &Json, email: &str, permission: &str) -> Result<Principal> {
    let mut chain = texts(&body["delegates"]);
    chain.push(email.to_owned());
    let mut who = caller.clone();
    let last = chain.len() - 1;
    for (at, name) in chain.iter().enumerate() {
        let address = name.rsplit('/').next().unwrap_or(name);
        let account = iam::account(cloud, address)?;
        let permission = if at == last {
            permission
        } else {
            "iam.serviceAccounts.implicitDelegation"
        };
        let resource = ResourceName::service_account(&account);
        cloud.authority.require(&who, permission, &resource)?;
        who = Caller::Known(Principal {
            member: Member::ServiceAccount(account),
            attributes: Vec::new(),
            scopes: Vec::new(),
        });
    }
    who.principal().cloned()
}

fn texts(list: &Json) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Json::as_str).map(str::to_owned).collect()
}

/// A duration as `3600s`.
fn lifetime(value: &Json) -> Result<u64> {
    let Some(text) = value.as_str() else {
        return Ok(SECONDS);
    };
    let seconds = text.strip_suffix('s').and_then(|number| number.parse::<u64>().ok());
    match seconds {
        Some(seconds @ 1..=LONGEST) => Ok(seconds),
        _ => Err(ApiError::invalid(format!(
            "Invalid value for lifetime: {text:?}. It must be between 1s and {LONGEST}s."
        ))),
    }
}
