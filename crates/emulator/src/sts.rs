//! The Security Token Service: a token of a provider in exchange for a federated one
//! (<https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token>).

use hyper::StatusCode;
use identity::{Exchange, Pool};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Value as Json, json};

use crate::access::Principal;
use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::Result;
use crate::iam::PROVIDER;
use crate::{oidc, time, token};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const SUBJECT_TYPES: [&str; 2] = [
    "urn:ietf:params:oauth:token-type:jwt",
    "urn:ietf:params:oauth:token-type:id_token",
];
const SECONDS: u64 = 3600;

/// Why no token is given, in OAuth's words.
struct Refusal {
    error: &'static str,
    description: String,
}

fn refusal(error: &'static str, description: impl Into<String>) -> Refusal {
    Refusal {
        error,
        description: description.into(),
    }
}

/// Answers `POST /v1/token`, a form or JSON.
pub(crate) async fn exchange(cloud: &Cloud, call: &mut Call) -> Result<Reply> {
    let form = call.form().await?;
    let field = |name: &str, camel: &str| {
        let mut fields = form.iter();
        let found = fields.find(|(key, _)| key == name || key == camel);
        found.map(|(_, value)| value.as_str()).unwrap_or_default()
    };
    let request = Request {
        grant: field("grant_type", "grantType"),
        audience: field("audience", "audience"),
        subject_token: field("subject_token", "subjectToken"),
        subject_type: field("subject_token_type", "subjectTokenType"),
        wanted: field("requested_token_type", "requestedTokenType"),
        scope: field("scope", "scope"),
    };
    let principal = match request.principal(cloud)? {
        Ok(principal) => principal,
        Err(Refusal { error, description }) => {
            let body = json!({"error": error, "error_description": description});
            return Ok(Reply::json_with(StatusCode::BAD_REQUEST, &body));
        }
    };
    let issued = token::issue(&cloud.store, &principal, SECONDS)?;
    Ok(Reply::json(&json!({
        "access_token": issued.token,
        "issued_token_type": ACCESS_TOKEN,
        "token_type": "Bearer",
        "expires_in": issued.expires.saturating_sub(time::now_seconds()),
    })))
}

struct Request<'f> {
    grant: &'f str,
    audience: &'f str,
    subject_token: &'f str,
    subject_type: &'f str,
    wanted: &'f str,
    scope: &'f str,
}

impl Request<'_> {
    /// Whom the subject token stands for.
    fn principal(&self, cloud: &Cloud) -> Result<std::result::Result<Principal, Refusal>> {
        if self.grant != GRANT {
            return Ok(Err(refusal(
                "unsupported_grant_type",
                format!("The grant type must be {GRANT}."),
            )));
        }
        if !SUBJECT_TYPES.contains(&self.subject_type) {
            return Ok(Err(refusal(
                "invalid_request",
                format!("The subject token type must be {}.", SUBJECT_TYPES.join(" or ")),
            )));
        }
        if !matches!(self.wanted, "" | ACCESS_TOKEN) {
            return Ok(Err(refusal(
                "invalid_request",
                format!("The requested token type must be {ACCESS_TOKEN}."),
            )));
        }
        if self.scope.split_whitespace().next().is_none() {
            return Ok(Err(refusal("invalid_scope", "Empty or missing scope not allowed.")));
        }
        let name = self.audience.trim_start_matches("https:");
        let unknown = || {
            refusal(
                "invalid_target",
                format!(
                    "The target service indicated by the \"audience\" parameters is invalid: {:?}. It must be the full resource name of a provider of a pool.",
                    self.audience
                ),
            )
        };
        let Some((pool, Some(id))) = Pool::parse(name) else {
            return Ok(Err(unknown()));
        };
        let provider = cloud.authority.ask(|reasoner| {
            let number = |project: &Option<String>| {
                let project = project.as_deref()?;
                let state = reasoner.state();
                Some(state.project_number(project).unwrap_or(project).to_owned())
            };
            let mut providers = reasoner.state().providers.iter();
            providers
                .find(|known| {
                    known.id == id && known.pool.id == pool.id && number(&known.pool.project) == number(&pool.project)
                })
                .cloned()
        });
        let Some(provider) = provider else {
            return Ok(Err(unknown()));
        };
        let issuer = provider.issuer.clone().unwrap_or_default();
        let claims = if issuer == cloud.issuer.url() {
            cloud.issuer.verify(self.subject_token)
        } else {
            let mut documents = cloud.store.all(PROVIDER)?.into_iter();
            let uploaded = documents.find_map(|(name, document)| {
                let is_it = Pool::parse(&name) == Some((provider.pool.clone(), Some(provider.id.clone())));
                is_it
                    .then(|| document["oidc"]["jwksJson"].as_str().map(str::to_owned))
                    .flatten()
            });
            verify_uploaded(self.subject_token, uploaded.as_deref(), &issuer)
        };
        let claims: Json = match claims {
            Ok(claims) => claims,
            Err(why) => return Ok(Err(refusal("invalid_grant", why))),
        };
        let exchanged = cloud
            .authority
            .ask(|reasoner| provider.exchange(&claims, reasoner.state()));
        Ok(match exchanged {
            Exchange::Principal(principal) => Ok(Principal {
                member: principal.member,
                attributes: principal.attributes,
                scopes: self.scope.split_whitespace().map(str::to_owned).collect(),
            }),
            Exchange::Refused(why) if why.contains("condition") => Err(refusal(
                "unauthorized_client",
                format!("The given credential is rejected by the attribute condition. ({why})"),
            )),
            Exchange::Refused(why) => Err(refusal("invalid_grant", why)),
            Exchange::Unknown(why) => Err(refusal("invalid_grant", why)),
        })
    }
}

/// The claims of a token whose issuer's keys were uploaded with the provider. Keys are not fetched: this cloud calls
/// nobody.
fn verify_uploaded(token: &str, keys: Option<&str>, issuer: &str) -> std::result::Result<Json, String> {
    let Some(keys) = keys else {
        return Err(format!(
            "Error connecting to the given credential's issuer {issuer}: the embedded cloud calls nobody. Set the provider's oidc.jwksJson."
        ));
    };
    let set: JwkSet =
        serde_json::from_str(keys).map_err(|error| format!("The provider's jwksJson is not valid: {error}."))?;
    let header = jsonwebtoken::decode_header(token).map_err(|error| format!("The token is not valid: {error}."))?;
    if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256) {
        return Err("Only RS256 and ES256 tokens are accepted.".to_owned());
    }
    let key = match &header.kid {
        Some(id) => set.find(id),
        None => set.keys.first(),
    };
    let key = key.ok_or_else(|| "No key of the issuer has the kid of the token.".to_owned())?;
    let key = DecodingKey::from_jwk(key).map_err(|error| format!("A key of the provider is not valid: {error}."))?;
    oidc::verify(token, &key, header.alg, issuer)
}
