//! What an application wants to know in secret: one intent, written out for the backend of each environment.
//!
//! In go an object of the kind [`KIND`] and where an environment keeps secrets ([`Destination`]); out comes what the
//! cluster is given: an ExternalSecret, a SecretProviderClass, or the reference to a file that is sealed. No value of
//! a secret is ever here.

mod class;
mod csi;
mod destination;
mod external;
mod file;
mod intent;
mod manifest;

pub use class::{CLASS_GROUP, CLASS_KIND, check_class};
pub use decode::DecodeError;
pub use destination::{Backend, Delivery, Destination, Form, Layout, StoreKind, StoreReference, Written};
pub use intent::{API_VERSION, Entry, GROUP, Intent, KIND, is_intent, json_schema};
