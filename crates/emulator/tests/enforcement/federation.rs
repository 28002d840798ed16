//! An issuer of a test's own, and what its tokens and those of the cluster are exchanged for.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value as Json, json};

use crate::cloud::Cloud;

pub(crate) const POOLS: &str = "//iam.googleapis.com/projects/17/locations/global/workloadIdentityPools";

/// Signs tokens as `https://ci.acme.com`.
pub(crate) struct Signer {
    key: EncodingKey,
    keys: Json,
}

impl Signer {
    pub(crate) fn new() -> Signer {
        let generator = SystemRandom::new();
        let packed = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &generator).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, packed.as_ref(), &generator).unwrap();
        let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let key = json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": "1", "x": x, "y": y});
        Signer {
            key: EncodingKey::from_ec_der(packed.as_ref()),
            keys: json!({"keys": [key]}),
        }
    }

    /// The public keys, as a text in JSON.
    pub(crate) fn keys(&self) -> String {
        Json::from(self.keys.to_string()).to_string()
    }

    /// A token with some claims beside the usual ones.
    pub(crate) fn sign(&self, claims: &Json) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut all = json!({
            "iss": "https://ci.acme.com",
            "aud": format!("https:{POOLS}/builds/providers/runner"),
            "iat": now - 5,
            "exp": now + 600,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("1".to_owned());
        jsonwebtoken::encode(&header, &all, &self.key).unwrap()
    }

    /// What the token service answers to `ci CLAIMS`, `ci PROVIDER CLAIMS` or `pod NAMESPACE/NAME`.
    pub(crate) fn exchange(&self, cloud: &Cloud, who: &str) -> (u16, Json) {
        if let Some(account) = who.strip_prefix("pod ") {
            let (namespace, name) = account.split_once('/').unwrap();
            let path = format!("/oidc/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
            let audience = format!("https:{POOLS}/clusters/providers/cluster");
            let (_, minted) = cloud.post(&path, "", json!({"spec": {"audiences": [audience]}}));
            let token = minted["status"]["token"].as_str().unwrap();
            return exchange(cloud, &format!("{POOLS}/clusters/providers/cluster"), token);
        }
        let rest = who.strip_prefix("ci ").unwrap();
        let (provider, claims) = match rest.split_once(' ') {
            Some((provider, claims)) if !provider.starts_with('{') => (provider, claims),
            _ => ("runner", rest),
        };
        let claims: Json = serde_json::from_str(claims).unwrap();
        exchange(
            cloud,
            &format!("{POOLS}/builds/providers/{provider}"),
            &self.sign(&claims),
        )
    }
}

/// Asks the token service.
pub(crate) fn exchange(cloud: &Cloud, audience: &str, token: &str) -> (u16, Json) {
    let body = json!({
        "grantType": "urn:ietf:params:oauth:grant-type:token-exchange",
        "audience": audience,
        "scope": "https://www.googleapis.com/auth/cloud-platform",
        "requestedTokenType": "urn:ietf:params:oauth:token-type:access_token",
        "subjectToken": token,
        "subjectTokenType": "urn:ietf:params:oauth:token-type:jwt",
    });
    cloud.call("POST", "/v1/token", None, Some(body))
}
