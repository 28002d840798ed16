//! Workload identity pools and their providers
//! (<https://cloud.google.com/iam/docs/reference/rest/v1/projects.locations.workloadIdentityPools>).

use hyper::Method;
use identity::ResourceName;
use serde_json::{Value as Json, json};

use super::PROVIDER;
use crate::access::Caller;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::page;

/// Documents of pools, by full name.
const POOL: &str = "pool";

/// Answers what follows `/v1/projects/PROJECT/locations/global/workloadIdentityPools`.
pub(crate) async fn answer(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    project: &str,
    rest: &[&str],
) -> Result<Reply> {
    let above = format!("projects/{project}/locations/global/workloadIdentityPools");
    let on = ResourceName::project(project);
    match rest {
        [] => collection(cloud, caller, call, (POOL, &above, "workloadIdentityPool"), &on).await,
        [pool] => {
            one(
                cloud,
                caller,
                call,
                (POOL, &format!("{above}/{pool}"), "workloadIdentityPool"),
                &on,
            )
            .await
        }
        [pool, "providers"] => {
            if cloud.store.get(POOL, &format!("{above}/{pool}"))?.is_none() {
                return Err(ApiError::not_found(format!("There is no pool {pool}.")));
            }
            let above = format!("{above}/{pool}/providers");
            collection(
                cloud,
                caller,
                call,
                (PROVIDER, &above, "workloadIdentityPoolProvider"),
                &on,
            )
            .await
        }
        [pool, "providers", id] => {
            let name = format!("{above}/{pool}/providers/{id}");
            one(
                cloud,
                caller,
                call,
                (PROVIDER, &name, "workloadIdentityPoolProvider"),
                &on,
            )
            .await
        }
        _ => Err(ApiError::unimplemented("this method of pools")),
    }
}

/// A kind of document, the name of it or of what it is in, and the word for it in permissions and parameters.
type What<'w> = (&'w str, &'w str, &'w str);

async fn collection(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    (kind, above, word): What<'_>,
    on: &ResourceName,
) -> Result<Reply> {
    let permission = |verb: &str| format!("iam.googleapis.com/{word}s.{verb}");
    if call.method == Method::GET {
        cloud.authority.require(caller, &permission("list"), on)?;
        let found = cloud.store.list(kind, &format!("{above}/"), "", usize::MAX)?;
        return page::of(call, &format!("{word}s"), found).map(|page| Reply::json(&page));
    }
    cloud.authority.require(caller, &permission("create"), on)?;
    let id = call.query(&format!("{word}Id")).unwrap_or_default().to_owned();
    let is_id = (4..=32).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if !is_id {
        return Err(ApiError::invalid(format!(
            "{word}Id: {id:?} must have 4 to 32 lower-case letters, digits and hyphens."
        )));
    }
    let mut document = call.json().await?;
    if kind == PROVIDER {
        validate(&document)?;
    }
    let name = format!("{above}/{id}");
    document["name"] = name.clone().into();
    document["state"] = "ACTIVE".into();
    if !cloud.store.insert(kind, &name, &document)? {
        return Err(ApiError::new(
            Status::AlreadyExists,
            format!("Requested entity already exists: {name}"),
        ));
    }
    cloud.authority.reload(&cloud.store)?;
    Ok(done(&name, "create", &document))
}

async fn one(
    cloud: &Cloud,
    caller: &Caller,
    call: &mut Call,
    (kind, name, word): What<'_>,
    on: &ResourceName,
) -> Result<Reply> {
    let require = |verb: &str| {
        cloud
            .authority
            .require(caller, &format!("iam.googleapis.com/{word}s.{verb}"), on)
    };
    let missing = || ApiError::not_found(format!("Requested entity was not found: {name}"));
    let method = call.method.clone();
    match method {
        Method::GET => {
            require("get")?;
            cloud
                .store
                .get(kind, name)?
                .map(|document| Reply::json(&document))
                .ok_or_else(missing)
        }
        Method::DELETE => {
            require("delete")?;
            if !cloud.store.delete(kind, name)? {
                return Err(missing());
            }
            cloud.authority.reload(&cloud.store)?;
            Ok(done(name, "delete", &json!({})))
        }
        Method::PATCH => {
            require("update")?;
            let fields = call.json().await?;
            let document = cloud.store.change(kind, name, |document| {
                let there = document.as_mut().ok_or_else(missing)?;
                for (field, value) in fields.as_object().into_iter().flatten() {
                    there[field] = value.clone();
                }
                if kind == PROVIDER {
                    validate(there)?;
                }
                Ok::<_, ApiError>(there.clone())
            })?;
            cloud.authority.reload(&cloud.store)?;
            Ok(done(name, "update", &document))
        }
        _ => Err(ApiError::unimplemented("this method of a pool")),
    }
}

/// An operation that is over already.
fn done(name: &str, what: &str, response: &Json) -> Reply {
    Reply::json(&json!({"name": format!("{name}/operations/{what}"), "done": true, "response": response}))
}

fn validate(provider: &Json) -> Result<()> {
    if provider["attributeMapping"]["google.subject"]
        .as_str()
        .is_none_or(str::is_empty)
    {
        return Err(ApiError::invalid("The attribute mapping must map google.subject."));
    }
    let issuer = provider["oidc"]["issuerUri"].as_str().unwrap_or_default();
    // Of this machine, plain HTTP is taken too.
    let is_local = ["http://127.0.0.1", "http://localhost"]
        .iter()
        .any(|local| issuer.starts_with(local));
    match issuer.starts_with("https://") || is_local {
        true => Ok(()),
        false => Err(ApiError::invalid(
            "oidc.issuerUri must be an https URL. Only OIDC providers are here.",
        )),
    }
}
