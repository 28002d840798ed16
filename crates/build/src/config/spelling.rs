//! Hints for a field that nobody knows: which known one was meant, or where it belongs.

use super::fields::OWNERS;

/// A hint for the unknown field `name` of a structure that has the fields `known`.
pub(crate) fn hint_for_field(name: &str, known: impl Iterator<Item = &'static str>) -> Option<String> {
    let known: Vec<&'static str> = known.collect();
    if name == "apiVersion" && known.contains(&"version") {
        return Some("write `group` and `version` instead".to_owned());
    }
    if let Some(meant) = nearest(name, &known) {
        return Some(format!("did you mean `{meant}`?"));
    }
    for (owner, names) in OWNERS {
        if let Some(field) = names().into_iter().find(|field| field.eq_ignore_ascii_case(name)) {
            return Some(format!("`{field}` is a field of {owner}"));
        }
    }
    let longer: Vec<String> = known
        .iter()
        .filter(|known| starts_with(known, name))
        .map(|known| format!("`{known}`"))
        .collect();
    if !longer.is_empty() {
        return Some(format!("did you mean {}?", longer.join(" or ")));
    }
    if known.len() <= 8 {
        let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
        return Some(format!("known fields: {}", names.join(", ")));
    }
    for (owner, names) in OWNERS {
        if let Some(field) = nearest(name, &names()) {
            return Some(format!("did you mean `{field}`? it is a field of {owner}"));
        }
    }
    None
}

/// Whether a name begins with a word of three letters or more, in any case.
fn starts_with(name: &str, word: &str) -> bool {
    word.len() > 2
        && name
            .get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// The known name that differs least, if it differs little. Of several, the first.
pub(crate) fn nearest<'k>(name: &str, known: &[&'k str]) -> Option<&'k str> {
    let limit = (name.chars().count() / 3).clamp(1, 4);
    let distances = known.iter().map(|known| (distance(name, known), *known));
    let (least, found) = distances.min_by_key(|(distance, _)| *distance)?;
    (least <= limit).then_some(found)
}

/// How many letters must be added, removed, replaced or swapped with their neighbour; case does not count.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().flat_map(char::to_lowercase).collect();
    let right: Vec<char> = right.chars().flat_map(char::to_lowercase).collect();
    let mut before_last = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for (row, &here) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &there) in right.iter().enumerate() {
            let replaced = last[column] + usize::from(here != there);
            let mut least = replaced.min(last[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && here == right[column - 1] && left[row - 1] == there {
                least = least.min(before_last[column - 1] + 1);
            }
            current.push(least);
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let root = super::super::kustomization::field_names();
        let cases = [
            ("resource", Some("did you mean `resources`?")),
            ("patchStrategicMerge", Some("did you mean `patchesStrategicMerge`?")),
            ("patchsJson6902", Some("did you mean `patchesJson6902`?")),
            ("reosurces", Some("did you mean `resources`?")),
            ("image", Some("did you mean `images`?")),
            ("newtag", Some("`newTag` is a field of an entry of `images`")),
            (
                "literals",
                Some("`literals` is a field of an entry of `configMapGenerator`"),
            ),
            (
                "disableNameSufixHash",
                Some(
                    "did you mean `disableNameSuffixHash`? it is a field of `generatorOptions`, or `options` of a generator",
                ),
            ),
            ("spec", None),
        ];
        for (name, hint) in cases {
            assert_eq!(hint_for_field(name, root.iter().copied()).as_deref(), hint, "{name}");
        }
    }

    #[test]
    fn names_the_fields_of_a_small_structure() {
        let hint = hint_for_field("weight", ["name", "count"].into_iter());
        assert_eq!(hint.as_deref(), Some("known fields: `name`, `count`"));
    }
}
