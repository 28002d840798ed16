//! Minor versions of Kubernetes, and sets of them.

use serde::{Deserialize, Serialize};

/// A set of versions: bit `n` is version `n` of the arena. The default is all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Versions(pub u32);

impl Default for Versions {
    fn default() -> Versions {
        Versions::ALL
    }
}

impl Versions {
    pub const ALL: Versions = Versions(u32::MAX);
    pub const NONE: Versions = Versions(0);

    /// The version at a position alone.
    pub fn one(position: usize) -> Versions {
        Versions(1 << position)
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    #[must_use]
    pub fn and(self, other: Versions) -> Versions {
        Versions(self.0 & other.0)
    }

    #[must_use]
    pub fn or(self, other: Versions) -> Versions {
        Versions(self.0 | other.0)
    }

    #[must_use]
    pub fn without(self, other: Versions) -> Versions {
        Versions(self.0 & !other.0)
    }

    /// The positions, lowest first.
    pub fn positions(self) -> impl Iterator<Item = usize> {
        (0..u32::BITS as usize).filter(move |at| self.0 & (1 << at) != 0)
    }
}

/// In words: "1.33 to 1.35 and 1.37".
pub(crate) fn words(versions: Versions, names: &[String]) -> String {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for at in versions.positions().take_while(|&at| at < names.len()) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == at => *last = at,
            _ => runs.push((at, at)),
        }
    }
    let runs = runs.iter().map(|&(first, last)| match last - first {
        0 => names[first].clone(),
        1 => format!("{} and {}", names[first], names[last]),
        _ => format!("{} to {}", names[first], names[last]),
    });
    runs.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_versions_are_told_by_their_ends() {
        let names: Vec<String> = (30..38).map(|minor| format!("1.{minor}")).collect();
        assert_eq!(words(Versions(0b1000_0000), &names), "1.37");
        assert_eq!(words(Versions(0b1100_0000), &names), "1.36 and 1.37");
        assert_eq!(words(Versions(0b1000_0111), &names), "1.30 to 1.32, 1.37");
        assert_eq!(words(Versions::ALL, &names), "1.30 to 1.37");
    }
}
