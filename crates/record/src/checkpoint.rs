//! Checkpoints: the number and hash of an entry, signed with Ed25519. Who keeps one elsewhere can tell later whether the record
//! was cut off or written anew.
//!
//! Keys are PEM files as OpenSSL makes and reads them (PKCS #8, and SubjectPublicKeyInfo for the public half).

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use crate::canonical::canonical;
use crate::chain::{Hash, RecordId};
use crate::error::RecordError;
use crate::store::Head;
use crate::time::Time;

/// What every key of Ed25519 begins with (RFC 8410), before its 32 bytes.
const PRIVATE_START: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
const PUBLIC_START: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
const PRIVATE: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";
/// No key file is as long.
const LONGEST: u64 = 64 * 1024;

const FORMAT: &str = "terrace.dev/record/checkpoint/v1";

/// A key that signs. It is not shown, not even for debugging.
pub struct SigningKey(Ed25519KeyPair);

/// The public half of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl SigningKey {
    /// Makes a key in a new file that only its owner reads.
    ///
    /// # Errors
    /// [`RecordError`] where the file is there already, or cannot be written.
    pub fn create(path: &Path) -> Result<SigningKey, RecordError> {
        let mut der = PRIVATE_START.to_vec();
        let mut seed = [0; 32];
        let filled = SystemRandom::new().fill(&mut seed);
        filled.map_err(|_| RecordError::store("the system gives no random numbers"))?;
        der.extend(seed);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let written = options.open(path).and_then(|mut file| {
            file.write_all(pem(PRIVATE, &der).as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| {
            let error = RecordError::location(format!("the key {} cannot be made: {error}", path.display()));
            error.hint("a key that is there is never written over")
        })?;
        SigningKey::of(&der, path)
    }

    /// Reads a key, whose file nobody but its owner may read.
    ///
    /// # Errors
    /// [`RecordError`] where the file cannot be read, others may read it, or it holds no key of Ed25519.
    pub fn read(path: &Path) -> Result<SigningKey, RecordError> {
        #[cfg(unix)]
        if let Ok(file) = fs::metadata(path)
            && std::os::unix::fs::MetadataExt::mode(&file) & 0o077 != 0
        {
            let message = format!("others may read the key {}", path.display());
            return Err(
                RecordError::refused(message).hint("chmod 600 it, and make another if somebody may have read it")
            );
        }
        SigningKey::of(&read_pem(path, PRIVATE)?, path)
    }

    fn of(der: &[u8], path: &Path) -> Result<SigningKey, RecordError> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
        pair.map(SigningKey).map_err(|_| no_key(path))
    }

    pub fn public(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }
}

impl PublicKey {
    /// Reads a public key.
    ///
    /// # Errors
    /// [`RecordError`] where the file cannot be read, or holds no public key of Ed25519.
    pub fn read(path: &Path) -> Result<PublicKey, RecordError> {
        let der = read_pem(path, PUBLIC)?;
        let key = der.strip_prefix(&PUBLIC_START).and_then(|key| key.try_into().ok());
        key.map(PublicKey).ok_or_else(|| no_key(path))
    }

    pub fn to_pem(self) -> String {
        pem(PUBLIC, &self.der())
    }

    /// What it is called: the first 16 digits of the SHA-256 of it.
    pub fn id(self) -> String {
        let mut id = Hash::of(&self.der()).to_string();
        id.truncate(16);
        id
    }

    fn der(self) -> Vec<u8> {
        [&PUBLIC_START[..], &self.0].concat()
    }
}

fn no_key(path: &Path) -> RecordError {
    let message = format!("{} holds no key of Ed25519", path.display());
    RecordError::refused(message).hint("terrace audit key makes one, as openssl genpkey -algorithm ed25519 does")
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

fn read_pem(path: &Path, label: &str) -> Result<Vec<u8>, RecordError> {
    let cannot =
        |error: std::io::Error| RecordError::location(format!("the key {} cannot be read: {error}", path.display()));
    if fs::metadata(path).map_err(cannot)?.len() > LONGEST {
        return Err(no_key(path));
    }
    let text = fs::read(path).map_err(cannot)?;
    let text = String::from_utf8_lossy(&text);
    let (start, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
    let body = text
        .split_once(&start)
        .and_then(|(_, rest)| rest.split_once(&end))
        .map(|(body, _)| body);
    let digits: String = body.unwrap_or_default().split_whitespace().collect();
    STANDARD
        .decode(digits)
        .ok()
        .filter(|der| !der.is_empty())
        .ok_or_else(|| no_key(path))
}

/// That a record had an entry with this number and hash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Checkpoint {
    format: String,
    pub record: RecordId,
    pub sequence: u64,
    pub hash: Hash,
    /// When it was signed.
    pub time: Time,
    /// The id of the key.
    pub key: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    checkpoint: Checkpoint,
    /// Base64 of the signature of the checkpoint's canonical JSON.
    signature: String,
}

impl Checkpoint {
    /// The checkpoint of an entry, signed, as a line of canonical JSON.
    pub fn sign(record: &RecordId, head: Head, time: Time, key: &SigningKey) -> String {
        let checkpoint = Checkpoint {
            format: FORMAT.to_owned(),
            record: record.clone(),
            sequence: head.sequence,
            hash: head.hash,
            time,
            key: key.public().id(),
        };
        let signature = STANDARD.encode(key.0.sign(checkpoint.text().as_bytes()));
        text_of(&Signed { checkpoint, signature }) + "\n"
    }

    /// Reads a signed checkpoint.
    ///
    /// # Errors
    /// A few words: it is none, none of the keys signed it, or the signature is not its own.
    pub fn read(text: &[u8], keys: &[PublicKey]) -> Result<Checkpoint, String> {
        let signed: Signed = serde_json::from_slice(text).map_err(|error| format!("is no checkpoint: {error}"))?;
        let Signed { checkpoint, signature } = signed;
        if checkpoint.format != FORMAT {
            return Err(format!(
                "is of the format \"{}\", which this program does not know",
                checkpoint.format
            ));
        }
        let Some(key) = keys.iter().find(|key| key.id() == checkpoint.key) else {
            return Err(format!(
                "was signed with the key {}, which was not given",
                checkpoint.key
            ));
        };
        let signature = STANDARD.decode(signature).unwrap_or_default();
        let verified = UnparsedPublicKey::new(&ED25519, key.0).verify(checkpoint.text().as_bytes(), &signature);
        verified.map_err(|_| "has a signature that is not of what it says".to_owned())?;
        Ok(checkpoint)
    }

    fn text(&self) -> String {
        text_of(self)
    }
}

/// A structure of texts and numbers is JSON.
pub(crate) fn text_of(value: &impl Serialize) -> String {
    canonical(&serde_json::to_value(value).unwrap_or_default())
}
