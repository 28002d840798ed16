//! The platform rules, one a file, named for the defect it finds.
//!
//! The header of a rule's file is its page: what it does, why that is bad, an example, what to use
//! instead. A file has a [`Rule`] and a function that finds the defect.

use resource::{Finding, Severity};
use schemars::{JsonSchema, SchemaGenerator};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::context::Context;
use crate::identities::Standing;
use crate::links::Wanted;
use crate::presence::Presence;

macro_rules! rules {
    ($($name:ident),+ $(,)?) => {
        $(pub(crate) mod $name;)+

        /// Every rule, by name.
        pub const RULES: &[&Rule] = &[$(&$name::RULE),+];

        #[cfg(test)]
        const FILES: &[&str] = &[$(stringify!($name)),+];
    };
}

rules! {
    broad_role,
    broken_identity_link,
    conflicting_identity_link,
    cron_job_unbounded,
    dangling_reference,
    dead_grant,
    default_google_account,
    default_service_account,
    deprecated_api_version,
    duplicate_field,
    duplicate_item,
    failed_validation,
    foreign_environment,
    google_key_file,
    image_from_other_registry,
    image_tag_latest,
    image_without_digest,
    image_without_sbom,
    invalid_label,
    invalid_name,
    invalid_quantity,
    invalid_schema,
    invalid_value,
    job_unbounded,
    location_outside_regions,
    malformed_need,
    missing_field,
    missing_in_next_environment,
    missing_permission,
    missing_schema,
    model_without_approval,
    namespace_differs,
    namespace_unguarded,
    open_identity_provider,
    output_only_field,
    plaintext_secret,
    pod_security_violation,
    rbac_escalation,
    rbac_wildcard,
    refused_token,
    removed_api_version,
    resources_missing,
    service_account_key,
    shared_identity,
    skipped_validation,
    token_automounted,
    undeliverable_secret,
    unknown_enum_value,
    unknown_field,
    unknown_kind,
    unmapped_service_account,
    unneeded_role,
    unresolved_grant,
    unverified_permission,
    vulnerable_image,
    wrong_type,
}

/// A rule.
pub struct Rule {
    /// The defect it finds, in snake case; the name of its file.
    pub name: &'static str,
    /// How severe its findings are, unless the platform file says otherwise; `None` if it is off then.
    pub severity: Option<Severity>,
    /// The controls that its findings bear on.
    pub controls: &'static [Control],
    /// The text of its file, whose header is its page.
    pub file: &'static str,
    /// What it can be told.
    pub settings: SettingsType,
    pub(crate) check: Check,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
pub(crate) enum Check {
    /// The objects of one target.
    Target(fn(&Context<'_>, &mut Vec<Finding>)),
    /// What the objects of one target want of its cluster beside what they bring; [`crate::unmet`] knows what it has.
    Cluster(fn(&Context<'_>, &Presence, &mut Vec<Wanted>)),
    /// Two environments: [`crate::parity`].
    Environments,
    /// All targets beside what is granted on Google Cloud: [`crate::identities`].
    Identities(fn(&Standing<'_>, &mut Vec<Finding>)),
    /// The schemas: [`crate::Schemas`] has one pass for all of these rules.
    Schemas,
}

/// A control of a standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Control {
    /// A criterion of the AICPA's trust services criteria, such as `CC6.1`.
    Soc2(&'static str),
    /// A control of ISO/IEC 27001:2022, Annex A, such as `A.8.9`.
    Iso27001(&'static str),
    /// An article of the General Data Protection Regulation, such as `32(1)(b)`.
    Gdpr(&'static str),
}

impl std::fmt::Display for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Control::Soc2(criterion) => write!(f, "SOC 2 {criterion}"),
            Control::Iso27001(control) => write!(f, "ISO/IEC 27001 {control}"),
            Control::Gdpr(article) => write!(f, "GDPR Art. {article}"),
        }
    }
}

/// The type of a rule's settings.
#[derive(Clone, Copy)]
pub struct SettingsType {
    /// What is wrong with a value, if it is none of the type.
    pub refuse: fn(&Value) -> Option<String>,
    /// The JSON schema of the type.
    pub schema: fn(&mut SchemaGenerator) -> schemars::Schema,
}

impl SettingsType {
    /// Nothing can be told.
    pub const NONE: SettingsType = SettingsType::of::<Nothing>();

    pub const fn of<T: DeserializeOwned + JsonSchema>() -> SettingsType {
        SettingsType {
            refuse: |value| {
                serde_json::from_value::<T>(value.clone())
                    .err()
                    .map(|error| error.to_string())
            },
            schema: |generator| T::json_schema(generator),
        }
    }
}

/// The settings of a rule that has none.
#[derive(Debug, Default, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// The rule of a name.
pub fn rule(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name).copied()
}

impl Rule {
    /// Whether it is about identities and grants.
    pub fn is_about_identities(&self) -> bool {
        matches!(self.check, Check::Identities(_))
    }

    /// What it does, in one sentence or a few.
    pub fn summary(&self) -> String {
        let page = self.page();
        let lines = page.lines().skip_while(|line| *line != "## What it does").skip(1);
        let lines = lines
            .skip_while(|line| line.is_empty())
            .take_while(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    }

    /// Its page in Markdown.
    pub fn page(&self) -> String {
        let header = self.file.lines().take_while(|line| line.starts_with("//!"));
        let lines = header.map(|line| line.trim_start_matches("//!").strip_prefix(' ').unwrap_or_default());
        let mut page = format!("# {}\n\n", self.name);
        for line in lines {
            page.push_str(line);
            page.push('\n');
        }
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_the_name_of_its_file_and_a_whole_page() {
        for (rule, file) in RULES.iter().zip(FILES) {
            assert_eq!(rule.name, *file);
            let page = rule.page();
            for heading in ["## What it does", "## Why is this bad?", "## Example", "## Use instead"] {
                assert!(page.contains(heading), "{}: {heading}", rule.name);
            }
            assert!(!rule.controls.is_empty(), "{}", rule.name);
        }
        assert!(RULES.is_sorted_by(|a, b| a.name < b.name));
    }
}
