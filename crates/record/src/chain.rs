//! The chain: the hash of an entry is over the hash of the one before it and its own canonical text.

use std::fmt;

use ring::digest::{Context, SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::error::RecordError;

/// A SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Hash([u8; 32]);

impl Hash {
    /// Of bytes.
    pub fn of(bytes: &[u8]) -> Hash {
        Hash::over(&[bytes])
    }

    fn over(parts: &[&[u8]]) -> Hash {
        let mut context = Context::new(&SHA256);
        parts.iter().for_each(|part| context.update(part));
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        Hash(hash)
    }

    /// Of an entry's canonical text behind another one.
    pub fn behind(self, text: &str) -> Hash {
        Hash::over(&[&self.0, text.as_bytes()])
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Hash> {
        bytes.try_into().ok().map(Hash)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Of 64 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Hash> {
        let mut hash = [0; 32];
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pairs = text.as_bytes().chunks_exact(2);
        if text.len() != 64 || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(pairs) {
            *byte = digit(pair[0])? * 16 + digit(pair[1])?;
        }
        Some(Hash(hash))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> String {
        hash.to_string()
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(text: String) -> Result<Hash, String> {
        Hash::parse(&text).ok_or_else(|| format!("\"{text}\" is no SHA-256"))
    }
}

/// The name of one record, made by chance with it. Its first entry is chained to it, so that no entry fits another record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordId(String);

impl RecordId {
    pub(crate) fn new() -> Result<RecordId, RecordError> {
        let mut bytes = [0; 16];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| RecordError::store("the system gives no random numbers"))?;
        Ok(RecordId(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    pub(crate) fn of(text: String) -> RecordId {
        RecordId(text)
    }

    /// What stands for the hash before the first entry.
    pub fn first(&self) -> Hash {
        Hash::of(format!("terrace.dev/record {}", self.0).as_bytes())
    }

    /// Its 32 hexadecimal digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entry as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub sequence: u64,
    /// Of the entry before it.
    pub previous: Hash,
    pub hash: Hash,
    /// The entry as canonical JSON.
    pub text: String,
}

impl Row {
    /// A line of an export. It is canonical JSON, and the entry stands in it as its hash is over it.
    pub fn line(&self) -> String {
        let Row {
            text, hash, previous, ..
        } = self;
        format!("{{\"entry\":{text},\"hash\":\"{hash}\",\"previous\":\"{previous}\"}}\n")
    }
}
