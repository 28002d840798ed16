//! Service accounts (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.serviceAccounts>). They have no keys:
//! short-lived tokens are the only credentials of this cloud.

use hyper::Method;
use identity::ResourceName;
use serde_json::{Value as Json, json};

use super::{ACCOUNT, policy, unique_id};
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::page;

/// Answers what follows `/v1/projects/PROJECT/serviceAccounts`.
pub(crate) async fn answer(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    project: &str,
    rest: &[&str],
) -> Result<Reply> {
    let method = call.method.clone();
    let verb = call.verb.clone();
    let on_project = ResourceName::project(project);
    match (&method, rest, verb.as_deref()) {
        (&Method::POST, [], None) => {
            cloud
                .authority
                .require(caller, "iam.serviceAccounts.create", &on_project)?;
            let body = call.json().await?;
            let id = body["accountId"].as_str().unwrap_or_default();
            if !is_id(id) {
                return Err(ApiError::invalid(format!(
                    "The account ID {id:?} does not have a length between 6 and 30 of lower-case letters, digits and hyphens, beginning with a letter."
                )));
            }
            let email = format!("{id}@{project}.iam.gserviceaccount.com");
            let document = document(project, &email, &body["serviceAccount"]);
            if !cloud.store.insert(ACCOUNT, &email, &document)? {
                let message = format!("Service account {id} already exists within project projects/{project}.");
                return Err(ApiError::new(Status::AlreadyExists, message));
            }
            cloud.authority.reload(&cloud.store)?;
            Ok(Reply::json(&document))
        }
        (&Method::GET, [], None) => {
            cloud
                .authority
                .require(caller, "iam.serviceAccounts.list", &on_project)?;
            let accounts = cloud.store.all(ACCOUNT)?.into_iter();
            let accounts = accounts.filter(|(_, document)| document["projectId"] == project);
            page::of(call, "accounts", accounts.collect()).map(|page| Reply::json(&page))
        }
        (_, [name], verb) => one(cloud, caller, call, (project, name), verb).await,
        (_, [_, "keys", ..], _) => Err(ApiError::new(
            Status::FailedPrecondition,
            "Key creation is not allowed on this service account: the embedded cloud has short-lived tokens only \
             (constraints/iam.disableServiceAccountKeyCreation).",
        )),
        _ => Err(ApiError::unimplemented("this method of service accounts")),
    }
}

async fn one(cloud: &Cloud, caller: &Caller, call: &mut Call, at: (&str, &str), verb: Option<&str>) -> Result<Reply> {
    let (project, name) = at;
    let method = call.method.clone();
    let email = match super::account(cloud, name) {
        Err(error) if error.status == Status::PermissionDenied => name.to_owned(),
        found => found?,
    };
    let resource = ResourceName::service_account(&email);
    let may = |permission: &str| cloud.authority.require(caller, permission, &resource);
    let there = || -> Result<Json> {
        let document = cloud.store.get(ACCOUNT, &email)?;
        Ok(document.unwrap_or_else(|| document_of(project, &email)))
    };
    match (&method, verb) {
        (&Method::GET, None) => {
            may("iam.serviceAccounts.get")?;
            Ok(Reply::json(&there()?))
        }
        (&Method::DELETE, None) => {
            may("iam.serviceAccounts.delete")?;
            policy::retire(cloud, &email)?;
            Ok(Reply::json(&json!({})))
        }
        (&Method::POST, Some(state @ ("enable" | "disable"))) => {
            may(if state == "enable" {
                "iam.serviceAccounts.enable"
            } else {
                "iam.serviceAccounts.disable"
            })?;
            let mut document = there()?;
            document["disabled"] = (state == "disable").into();
            cloud.store.put(ACCOUNT, &email, &document)?;
            cloud.authority.reload(&cloud.store)?;
            Ok(Reply::json(&json!({})))
        }
        (_, Some("getIamPolicy")) => {
            policy::get(cloud, caller, &resource, "iam.serviceAccounts.getIamPolicy").map(|policy| Reply::json(&policy))
        }
        (&Method::POST, Some("setIamPolicy")) => {
            let body = call.json().await?;
            let permission = "iam.serviceAccounts.setIamPolicy";
            policy::set(cloud, caller, &resource, permission, &body["policy"]).map(|policy| Reply::json(&policy))
        }
        (&Method::POST, Some("testIamPermissions")) => {
            let permissions = policy::permissions(&call.json().await?);
            Ok(Reply::json(&policy::test(cloud, caller, &resource, &permissions)))
        }
        _ => Err(ApiError::unimplemented("this method of a service account")),
    }
}

fn document_of(project: &str, email: &str) -> Json {
    document(project, email, &Json::Null)
}

fn document(project: &str, email: &str, given: &Json) -> Json {
    let id = unique_id(email);
    let mut document = json!({
        "name": format!("projects/{project}/serviceAccounts/{email}"),
        "projectId": project,
        "uniqueId": id,
        "email": email,
        "oauth2ClientId": id,
        "etag": "MDEwMjE5MjA=",
    });
    for field in ["displayName", "description"] {
        if let Some(text) = given[field].as_str() {
            document[field] = text.into();
        }
    }
    document
}

fn is_id(id: &str) -> bool {
    (6..=30).contains(&id.len())
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
