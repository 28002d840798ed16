//! What a token says of whom it was made for: some claims, by name. The token itself is not kept.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names of claims that may be recorded. Others of a token may say what nobody foresaw.
const ALLOWED: [&str; 17] = [
    "actor",
    "aud",
    "azp",
    "email",
    "environment",
    "event_name",
    "exp",
    "iat",
    "iss",
    "job_workflow_ref",
    "kubernetes.io",
    "nbf",
    "ref",
    "repository",
    "run_id",
    "sha",
    "sub",
];

/// Claims of a token, of those that may be recorded.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(Map<String, Value>);

impl Claims {
    /// Of claims that somebody has; those that may not be recorded are left away.
    pub fn of(mut claims: Map<String, Value>) -> Claims {
        claims.retain(|name, _| ALLOWED.contains(&name.as_str()));
        Claims(claims)
    }

    /// Those in a JSON web token, whose signature is not looked at. None where it is no token.
    pub fn of_token(token: &str) -> Option<Claims> {
        let payload = token.trim().split('.').nth(1)?;
        let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&payload).ok().map(Claims::of)
    }

    /// A claim, or a member of one.
    pub fn get<const N: usize>(&self, path: [&str; N]) -> Option<&str> {
        let (first, rest) = path.split_first()?;
        let found = rest.iter().try_fold(self.0.get(*first)?, |value, name| value.get(name));
        found.and_then(Value::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_come_by_name() {
        let payload = URL_SAFE_NO_PAD.encode(
            r#"{"sub": "system:serviceaccount:ml:trainer", "nonce": "x", "kubernetes.io": {"namespace": "ml", "pod": {"name": "p"}}}"#,
        );
        let claims = Claims::of_token(&format!("eyJhbGciOiJSUzI1NiJ9.{payload}.c2ln")).unwrap();
        assert_eq!(claims.get(["kubernetes.io", "pod", "name"]), Some("p"));
        assert_eq!(claims.get(["sub"]), Some("system:serviceaccount:ml:trainer"));
        assert_eq!(claims.get(["nonce"]), None);
        for token in ["", "a.b.c", "ya29.x", "a.W10.c"] {
            assert_eq!(Claims::of_token(token), None, "{token}");
        }
    }
}
