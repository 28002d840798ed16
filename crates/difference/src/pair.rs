//! Which object of one set is which of the other: by its id, by its name without the hash of its content,
//! by the name it was written with.

use std::hash::Hash;

use hashbrown::HashMap;
use resource::{ResId, Resource};

use crate::Renamed;

/// The characters of the hash that kustomize adds to a name (`api/hasher`), and how many there are.
const HASH_CHARACTERS: &str = "2456789bcdfghkmt";
const HASH_LENGTH: usize = 10;

pub(crate) type Pair<'a> = (Option<&'a Resource>, Option<&'a Resource>);

/// Names that end in a hash, on one side and the other, and the object they are of.
pub(crate) type Hashed = HashMap<(String, String), ResId>;

/// Every object of both sets once: in the order of the second, then what is only in the first.
pub(crate) fn pairs<'a>(before: &'a [Resource], after: &'a [Resource]) -> Vec<Pair<'a>> {
    let mut open = Open {
        before,
        after,
        partner: vec![None; after.len()],
        is_taken: vec![false; before.len()],
    };
    open.pair(|object| {
        let id = object.id();
        (
            id.gvk.group.to_string(),
            id.gvk.kind.to_string(),
            id.effective_namespace().to_owned(),
            id.name.to_string(),
        )
    });
    open.pair(|object| {
        let id = object.id();
        let name = stem(object).to_owned();
        (
            id.gvk.group.to_string(),
            id.gvk.kind.to_string(),
            id.effective_namespace().to_owned(),
            name,
        )
    });
    // In another namespace, under another prefix.
    open.pair(|object| {
        let id = object.original_id();
        (
            id.gvk.group.to_string(),
            id.gvk.kind.to_string(),
            id.name.to_string(),
            object.prefixes.len(),
        )
    });
    open.pair(|object| {
        let id = object.id();
        (
            id.gvk.group.to_string(),
            id.gvk.kind.to_string(),
            stem(object).to_owned(),
        )
    });
    let Open { partner, is_taken, .. } = open;
    let kept = after
        .iter()
        .zip(partner)
        .map(|(object, partner)| (partner.map(|at| &before[at]), Some(object)));
    let gone = before.iter().zip(is_taken).filter(|(_, is_taken)| !is_taken);
    kept.chain(gone.map(|(object, _)| (Some(object), None))).collect()
}

/// What has no partner yet.
struct Open<'a> {
    before: &'a [Resource],
    after: &'a [Resource],
    partner: Vec<Option<usize>>,
    is_taken: Vec<bool>,
}

impl Open<'_> {
    /// Pairs the objects that alone have a key on their side.
    fn pair<K: Hash + Eq>(&mut self, key: impl Fn(&Resource) -> K) {
        let mut keys: HashMap<K, (Vec<usize>, Vec<usize>)> = HashMap::new();
        for (at, object) in self.before.iter().enumerate().filter(|(at, _)| !self.is_taken[*at]) {
            keys.entry(key(object)).or_default().0.push(at);
        }
        for (at, object) in self
            .after
            .iter()
            .enumerate()
            .filter(|(at, _)| self.partner[*at].is_none())
        {
            keys.entry(key(object)).or_default().1.push(at);
        }
        for (before, after) in keys.into_values() {
            if let ([before], [after]) = (before.as_slice(), after.as_slice()) {
                self.partner[*after] = Some(*before);
                self.is_taken[*before] = true;
            }
        }
    }
}

/// The name without a hash, where it has one.
fn stem(object: &Resource) -> &str {
    let name = object.name();
    if !matches!(object.kind(), "ConfigMap" | "Secret") {
        return name;
    }
    match name.rsplit_once('-') {
        Some((stem, hash)) if hash.len() == HASH_LENGTH && hash.chars().all(|c| HASH_CHARACTERS.contains(c)) => stem,
        _ => name,
    }
}

/// How the name of an object came to be another one.
pub(crate) fn renamed(before: &Resource, after: &Resource) -> Option<Renamed> {
    let (old, new) = (before.id(), after.id());
    if old.name == new.name && old.same_namespace(&new) {
        return None;
    }
    let is_hash = old.same_namespace(&new) && old.name != new.name && stem(before) == stem(after);
    Some(if is_hash { Renamed::Content } else { Renamed::Otherwise })
}

/// The pairs whose names end in different hashes.
pub(crate) fn hashed(pairs: &[Pair<'_>]) -> Hashed {
    let both = pairs.iter().filter_map(|pair| Some((pair.0?, pair.1?)));
    let hashed = both.filter(|(before, after)| {
        before.name() != after.name() && stem(before) != before.name() && stem(after) != after.name()
    });
    hashed
        .map(|(before, after)| ((before.name().to_owned(), after.name().to_owned()), after.id()))
        .collect()
}
