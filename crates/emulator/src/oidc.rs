//! The issuer of tokens that stands for a cluster: it mints projected service-account tokens as the API server does
//! (<https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/token-request-v1/>), and shows its keys
//! as OpenID Connect says.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hyper::{Method, StatusCode};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value as Json, json};

use crate::call::{Call, Reply};
use crate::cloud::Cloud;
use crate::error::{ApiError, Result, Status};
use crate::store::Store;
use crate::time;

const KEY: &str = "oidc key";
/// As the API server has it by default.
const DEFAULT_SECONDS: u64 = 3600;
const SHORTEST_SECONDS: u64 = 600;

/// An issuer with its key.
pub(crate) struct Issuer {
    /// `http://127.0.0.1:8080/oidc`.
    url: String,
    key: EncodingKey,
    verifier: DecodingKey,
    /// The public key, as a JSON web key.
    jwk: Json,
    id: String,
}

impl Issuer {
    /// The issuer with the key of the state; one is made the first time.
    pub(crate) fn new(store: &Store, url: String) -> Result<Issuer> {
        let broken = |_| ApiError::new(Status::Internal, "the key of the issuer cannot be made or read");
        let generator = SystemRandom::new();
        let packed = match store.get(KEY, "")?.as_ref().and_then(Json::as_str) {
            Some(text) => STANDARD.decode(text).unwrap_or_default(),
            None => {
                let made =
                    EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &generator).map_err(broken)?;
                store.put(KEY, "", &STANDARD.encode(made.as_ref()).into())?;
                made.as_ref().to_vec()
            }
        };
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &packed, &generator)
            .map_err(|_| ApiError::new(Status::Internal, "the key of the issuer is damaged"))?;
        // An uncompressed point: 4, x, y.
        let point = pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let id = x.chars().take(16).collect::<String>();
        let verifier = DecodingKey::from_ec_components(&x, &y)
            .map_err(|error| ApiError::new(Status::Internal, error.to_string()))?;
        Ok(Issuer {
            url,
            key: EncodingKey::from_ec_der(&packed),
            verifier,
            jwk: json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id, "x": x, "y": y}),
            id,
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn sign(&self, claims: &Json) -> Result<String> {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.clone());
        jsonwebtoken::encode(&header, claims, &self.key)
            .map_err(|error| ApiError::new(Status::Internal, format!("a token cannot be signed: {error}")))
    }

    /// The claims of a token of this issuer that has not expired. The audience is left to the caller.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub(crate) fn verify(&self, token: &str) -> std::result::Result<Json, String> {
        verify(token, &self.verifier, Algorithm::ES256, &self.url)
    }
}

/// The claims of a token that a key signed.
pub(crate) fn verify(
    token: &str,
    key: &DecodingKey,
    algorithm: Algorithm,
    issuer: &str,
) -> std::result::Result<Json, String> {
    let mut validation = Validation::new(algorithm);
    validation.leeway = 0;
    validation.validate_aud = false;
    validation.validate_nbf = true;
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss"]);
    match jsonwebtoken::decode::<Json>(token, key, &validation) {
        Ok(data) => Ok(data.claims),
        Err(error) => Err(match error.kind() {
            jsonwebtoken::errors::ErrorKind::ExpiredSignature => "The token has expired.".to_owned(),
            jsonwebtoken::errors::ErrorKind::InvalidIssuer => format!("The issuer of the token is not {issuer}."),
            jsonwebtoken::errors::ErrorKind::InvalidSignature => "The signature of the token is not valid.".to_owned(),
            _ => format!("The token is not valid: {error}."),
        }),
    }
}

/// Answers below `/oidc`.
pub(crate) async fn answer(cloud: &Cloud, call: &mut Call) -> Result<Reply> {
    let issuer = &cloud.issuer;
    let segments = call.segments.clone();
    let path: Vec<&str> = segments.iter().skip(1).map(String::as_str).collect();
    match (&call.method, path.as_slice()) {
        (&Method::GET, [".well-known", "openid-configuration"]) => Ok(Reply::json(&json!({
            "issuer": issuer.url,
            "jwks_uri": format!("{}/openid/v1/jwks", issuer.url),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }))),
        (&Method::GET, ["openid", "v1", "jwks"]) => Ok(Reply::json(&json!({"keys": [issuer.jwk]}))),
        (&Method::POST, ["api", "v1", "namespaces", namespace, "serviceaccounts", name, "token"]) => {
            let request = call.json().await?;
            let reply = mint(issuer, namespace, name, &request)?;
            Ok(Reply::json_with(StatusCode::CREATED, &reply))
        }
        _ => Err(ApiError::not_found("The issuer has no such page.")),
    }
}

/// Answers a TokenRequest.
fn mint(issuer: &Issuer, namespace: &str, name: &str, request: &Json) -> Result<Json> {
    let spec = &request["spec"];
    let audiences: Vec<&str> = spec["audiences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .collect();
    let audiences = if audiences.is_empty() {
        vec![issuer.url.as_str()]
    } else {
        audiences
    };
    let seconds = spec["expirationSeconds"]
        .as_u64()
        .unwrap_or(DEFAULT_SECONDS)
        .max(SHORTEST_SECONDS);
    let now = time::now_seconds();
    let mut of_cluster = json!({"namespace": namespace, "serviceaccount": {"name": name}});
    let bound = &spec["boundObjectRef"];
    if bound["kind"] == "Pod" {
        of_cluster["pod"] = json!({"name": bound["name"], "uid": bound["uid"]});
    }
    let claims = json!({
        "iss": issuer.url,
        "sub": format!("system:serviceaccount:{namespace}:{name}"),
        "aud": audiences,
        "iat": now,
        "nbf": now,
        "exp": now + seconds,
        "kubernetes.io": of_cluster,
    });
    Ok(json!({
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"audiences": audiences, "expirationSeconds": seconds},
        "status": {"token": issuer.sign(&claims)?, "expirationTimestamp": time::rfc3339_seconds(now + seconds)},
    }))
}
