//! Google's roles: the predefined ones of today, and custom ones to be made.

use identity::CustomRole;
use reqwest::Method;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::{Client, Request, read};
use crate::endpoint::Service;
use crate::error::Error;
use crate::witness::{Change, Witness};

/// A role and what it permits.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    pub name: String,
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub included_permissions: Vec<String>,
    #[serde(default)]
    pub deleted: bool,
}

/// All predefined roles, basic ones too.
///
/// # Errors
/// [`Error`] where Google refuses or fails.
pub async fn predefined(client: &Client) -> Result<Vec<Role>, Error> {
    of_parent(client, "the predefined roles", "/v1/roles").await
}

/// The custom roles of a project or organization, as `projects/acme`.
///
/// # Errors
/// [`Error`] where Google refuses or fails.
pub async fn custom(client: &Client, parent: &str) -> Result<Vec<Role>, Error> {
    of_parent(
        client,
        &format!("the custom roles of {parent}"),
        &format!("/v1/{parent}/roles"),
    )
    .await
}

async fn of_parent(client: &Client, what: &str, path: &str) -> Result<Vec<Role>, Error> {
    let query = [("view", "FULL".to_owned()), ("pageSize", "1000".to_owned())];
    let items = client.list(what, Service::Iam, path, "roles", &query).await?;
    let roles: Result<Vec<Role>, _> = items.into_iter().map(serde_json::from_value).collect();
    let mut roles = roles.map_err(|error| Error::failed(format!("{what}: the answer makes no sense: {error}")))?;
    roles.retain(|role| !role.deleted);
    Ok(roles)
}

/// Makes a custom role; whether it was not there. One that is there with other permissions gets these.
///
/// # Errors
/// [`Error`] where Google refuses or fails, or `witness` refuses.
pub async fn make(client: &Client, role: &CustomRole, witness: &dyn Witness) -> Result<bool, Error> {
    let what = format!("the role {}", role.name());
    let wanted = json!({"title": role.id, "includedPermissions": role.permissions, "stage": "GA"});
    let body = json!({"roleId": role.id, "role": wanted});
    let roles = format!("/v1/projects/{}/roles", role.project);
    let request = Request {
        what: &what,
        service: Service::Iam,
        method: Method::POST,
        path: &roles,
        query: &[],
        body: Some(&body),
        media: None,
    };
    let resource = format!("//iam.googleapis.com/{}", role.name());
    let words = [format!("permissions {}", role.permissions.join(", "))];
    let change = |verb, body| Change {
        verb,
        resource: &resource,
        words: &words,
        body,
    };
    match client.change(&request, &change("createRole", &body), witness).await {
        Ok(_) => return Ok(true),
        Err(error) if error.status == 409 => {}
        Err(error) => return Err(error),
    }
    let path = format!("/v1/{}", role.name());
    let found: Role = client.get(&what, Service::Iam, &path, &[]).await?;
    let restored = json!({});
    let undelete = format!("{path}:undelete");
    if found.deleted {
        let request = Request {
            path: &undelete,
            body: Some(&restored),
            ..request.clone()
        };
        client
            .change(&request, &change("undeleteRole", &restored), witness)
            .await?;
    }
    let mut held = found.included_permissions.clone();
    held.sort_unstable();
    if held != role.permissions {
        let request = Request {
            method: Method::PATCH,
            path: &path,
            query: &[("updateMask", "includedPermissions".to_owned())],
            body: Some(&wanted),
            ..request
        };
        let answer = client.change(&request, &change("updateRole", &wanted), witness).await?;
        let _: Value = read(&what, &answer)?;
        return Ok(true);
    }
    Ok(found.deleted)
}
