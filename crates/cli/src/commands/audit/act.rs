//! Acts: an intent and its outcome, as they are printed.

use std::collections::BTreeMap;

use record::{Act, Entry, Intent, Outcome, Record, RecordError, Row};
use serde::Serialize;

/// An intent, and its outcome if it has one.
#[derive(Serialize)]
pub(super) struct Deed {
    pub(super) intent: Entry,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) outcome: Option<Entry>,
}

impl Deed {
    pub(super) fn parts(&self) -> Option<(&Intent, Option<&Outcome>)> {
        let Act::Intent(intent) = &self.intent.act else {
            return None;
        };
        let outcome = self.outcome.as_ref().and_then(|entry| match &entry.act {
            Act::Outcome { outcome, .. } => Some(outcome),
            Act::Intent(_) => None,
        });
        Some((intent, outcome))
    }

    /// `open` where there is no outcome yet.
    pub(super) fn status(&self) -> &'static str {
        self.parts()
            .and_then(|(_, outcome)| outcome)
            .map_or("open", |outcome| outcome.status.word())
    }
}

/// Reads all acts, in the order of their intents; those that are wanted. `on_row` sees every row.
pub(super) fn read(
    record: &mut Record,
    is_wanted: impl Fn(&Entry) -> bool,
    mut on_row: impl FnMut(&Row, Option<u64>),
) -> Result<Vec<Deed>, RecordError> {
    let mut deeds: BTreeMap<u64, Deed> = BTreeMap::new();
    record.read(0, |row| {
        let entry = Entry::read(&row.text)?;
        match &entry.act {
            Act::Intent(_) => {
                on_row(&row, None);
                if is_wanted(&entry) {
                    deeds.insert(
                        entry.sequence,
                        Deed {
                            intent: entry,
                            outcome: None,
                        },
                    );
                }
            }
            Act::Outcome { intent, .. } => {
                let intent = *intent;
                on_row(&row, Some(intent));
                if let Some(deed) = deeds.get_mut(&intent) {
                    deed.outcome = Some(entry);
                }
            }
        }
        Ok(true)
    })?;
    Ok(deeds.into_values().collect())
}

/// A text of the record for a terminal: what would steer it is shown as what it is.
pub(super) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c.is_control() {
            true => plain.extend(c.escape_default()),
            false => plain.push(c),
        }
    }
    plain
}
