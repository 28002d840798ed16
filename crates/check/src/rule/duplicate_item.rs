//! ## What it does
//!
//! Finds items of a list that have the same key, where the list may have each key once: containers, volumes,
//! and lists of custom resources whose definition says so.
//!
//! ## Why is this bad?
//!
//! The API server refuses the object. Patches that are merged by the key change one item of the two.
//!
//! ## Example
//!
//! ```yaml
//! containers:
//! - name: main
//! - name: main
//! ```
//!
//! ## Use instead
//!
//! ```yaml
//! containers:
//! - name: main
//! - name: proxy
//! ```

use resource::Severity;

use super::{Check, Control, Rule, SettingsType};

pub(super) const RULE: Rule = Rule {
    name: "duplicate_item",
    severity: Some(Severity::Error),
    controls: &[Control::Soc2("CC8.1"), Control::Iso27001("A.8.9")],
    file: include_str!("duplicate_item.rs"),
    settings: SettingsType::NONE,
    check: Check::Schemas,
};
