//! What the platform file says of rules: which are on, how severe they are, what they are told.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use platform::{Level, Marked, PlatformError, RuleSetting};
use resource::{Severity, nearest};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::rule::{RULES, Rule};

/// The settings of one environment.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    rules: HashMap<&'static str, Setting>,
}

#[derive(Clone, Debug, Default)]
struct Setting {
    level: Option<Level>,
    told: serde_json::Map<String, Value>,
}

impl Settings {
    /// From what holds everywhere and what holds in one environment, which wins field by field.
    ///
    /// # Errors
    /// [`PlatformError`] for a rule that is not known, or a setting it does not understand.
    pub fn read<'p>(
        layers: impl IntoIterator<Item = &'p BTreeMap<String, Marked<RuleSetting>>>,
    ) -> Result<Settings, PlatformError> {
        let mut settings = Settings::default();
        for (name, said) in layers.into_iter().flatten() {
            let fail = |message: String, hint: Option<String>| PlatformError {
                message,
                mark: said.mark,
                hint,
            };
            let Some(rule) = crate::rule::rule(name) else {
                let near = nearest(name, RULES.iter().map(|rule| rule.name));
                let hint = format!("rules with names like it are {}", near.join(", "));
                return Err(fail(format!("there is no rule \"{name}\""), Some(hint)));
            };
            let setting = settings.rules.entry(rule.name).or_default();
            let (level, told) = match &said.value.0 {
                Value::Object(told) => {
                    let mut told = told.clone();
                    (told.remove("severity"), told)
                }
                level => (Some(level.clone()), serde_json::Map::new()),
            };
            if let Some(level) = level {
                let known = serde_json::from_value(level.clone());
                let hint = "a severity is off, note, warning or error";
                setting.level =
                    Some(known.map_err(|_| fail(format!("{level} is no severity"), Some(hint.to_owned())))?);
            }
            setting.told.extend(told);
            if let Some(wrong) = (rule.settings.refuse)(&Value::Object(setting.told.clone())) {
                return Err(fail(format!("the rule {name} does not understand this: {wrong}"), None));
            }
        }
        Ok(settings)
    }

    /// Turns off all other rules.
    pub fn keep(&mut self, is_kept: impl Fn(&Rule) -> bool) {
        for rule in RULES.iter().filter(|rule| !is_kept(rule)) {
            self.rules.entry(rule.name).or_default().level = Some(Level::Off);
        }
    }

    /// How severe a rule's findings are; `None` if it is off.
    pub fn severity(&self, rule: &Rule) -> Option<Severity> {
        match self.rules.get(rule.name).and_then(|setting| setting.level) {
            None => rule.severity,
            Some(Level::Off) => None,
            Some(Level::Note) => Some(Severity::Note),
            Some(Level::Warning) => Some(Severity::Warning),
            Some(Level::Error) => Some(Severity::Error),
        }
    }

    /// The names of the rules that are on.
    pub fn rules_on(&self) -> Vec<&'static str> {
        let on = RULES.iter().filter(|rule| self.severity(rule).is_some());
        on.map(|rule| rule.name).collect()
    }

    pub(crate) fn of<T: DeserializeOwned + Default>(&self, rule: &Rule) -> T {
        let told = self
            .rules
            .get(rule.name)
            .map(|setting| Value::Object(setting.told.clone()));
        // What is wrong was refused when it was read.
        told.and_then(|told| serde_json::from_value(told).ok())
            .unwrap_or_default()
    }
}
