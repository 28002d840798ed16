//! A password proven without being sent: SCRAM-SHA-256 (RFC 5802, RFC 7677).

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// One login.
pub(super) struct Scram {
    password: String,
    nonce: String,
    /// What the server is to prove that it knows, too.
    server_signature: Vec<u8>,
}

impl Scram {
    /// None where the system gives no random numbers.
    pub(super) fn new(password: &str) -> Option<Scram> {
        let mut nonce = [0; 18];
        SystemRandom::new().fill(&mut nonce).ok()?;
        Some(Scram::with_nonce(password, &STANDARD.encode(nonce)))
    }

    fn with_nonce(password: &str, nonce: &str) -> Scram {
        Scram {
            password: password.to_owned(),
            nonce: nonce.to_owned(),
            server_signature: Vec::new(),
        }
    }

    /// The first message. PostgreSQL takes the user from the startup, and ignores the one here.
    pub(super) fn first(&self) -> String {
        format!("n,,n=,r={}", self.nonce)
    }

    /// The answer to the server's first message. None where that makes no sense.
    pub(super) fn last(&mut self, server_first: &str) -> Option<String> {
        self.answer(server_first, &format!("n=,r={}", self.nonce))
    }

    fn answer(&mut self, server_first: &str, client_first: &str) -> Option<String> {
        let field = |name: &str| server_first.split(',').find_map(|field| field.strip_prefix(name));
        let nonce = field("r=").filter(|nonce| nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len())?;
        let salt = STANDARD.decode(field("s=")?).ok()?;
        // More than this is to keep the client busy.
        let iterations: NonZeroU32 = field("i=")?
            .parse()
            .ok()
            .filter(|count: &NonZeroU32| count.get() <= 10_000_000)?;
        let mut salted = [0; 32];
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            iterations,
            &salt,
            self.password.as_bytes(),
            &mut salted,
        );
        let sign = |key: &[u8], text: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text);
        let client_key = sign(&salted, b"Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let without_proof = format!("c=biws,r={nonce}");
        let message = format!("{client_first},{server_first},{without_proof}");
        let signature = sign(stored_key.as_ref(), message.as_bytes());
        let proof = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(key, signature)| key ^ signature);
        let proof: Vec<u8> = proof.collect();
        let server_key = sign(&salted, b"Server Key");
        self.server_signature = sign(server_key.as_ref(), message.as_bytes()).as_ref().to_vec();
        Some(format!("{without_proof},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server knows the password as well.
    pub(super) fn is_proven(&self, server_last: &str) -> bool {
        let signature = server_last
            .strip_prefix("v=")
            .and_then(|text| STANDARD.decode(text.trim_end()).ok());
        signature.is_some_and(|signature| !signature.is_empty() && signature == self.server_signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7677, section 3.
    #[test]
    fn the_example_of_the_rfc() {
        let mut scram = Scram::with_nonce("pencil", "rOprNGfwEbeRWgbNEkqO");
        let server_first = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let last = scram.answer(server_first, "n=user,r=rOprNGfwEbeRWgbNEkqO").unwrap();
        assert_eq!(
            last,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(scram.is_proven("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
        assert!(!scram.is_proven("v=AAAA") && !scram.is_proven("e=no"));
        assert_eq!(scram.last("r=other,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"), None);
    }
}
