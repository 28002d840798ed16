//! Near misses: which of the words there are the user may have meant.

/// Words listed at most.
const LISTED: usize = 5;

/// The words that are there, those most like `word` first, each once; at most five.
///
/// Words that differ only in a few letters come first, then those that contain `word` or are contained
/// in it, then the others in the order they came.
pub fn nearest<'a>(word: &str, of: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = hashbrown::HashSet::new();
    let mut ranked: Vec<(usize, &str)> = of
        .filter(|candidate| !candidate.is_empty() && seen.insert(*candidate))
        .map(|candidate| (rank(word, candidate), candidate))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.truncate(LISTED);
    ranked.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Whether a word may have been meant to be another one: a letter or two differ, one in short words. Words that differ
/// in their digits alone are numbered: neither was meant to be the other.
pub fn is_misspelt(word: &str, meant: &str) -> bool {
    let limit = (word.chars().count() / 4).clamp(1, 2);
    let letters = |text| str::chars(text).filter(|c| !c.is_ascii_digit());
    !letters(word).eq(letters(meant)) && distance(word, meant, limit).is_some()
}

const CONTAINS: usize = 1000;
const FAR: usize = 2000;

fn rank(word: &str, candidate: &str) -> usize {
    let limit = (word.chars().count() / 3).max(2);
    match distance(word, candidate, limit) {
        Some(distance) => distance,
        None if !word.is_empty() && (candidate.contains(word) || word.contains(candidate)) => CONTAINS,
        None => FAR,
    }
}

/// Letters to insert, delete, change or swap with their neighbour, unless more than `limit`.
fn distance(from: &str, to: &str, limit: usize) -> Option<usize> {
    let from: Vec<char> = from.chars().flat_map(char::to_lowercase).collect();
    let to: Vec<char> = to.chars().flat_map(char::to_lowercase).collect();
    if from.len().abs_diff(to.len()) > limit {
        return None;
    }
    // What both begin and end with costs nothing.
    let begin = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let (from, to) = (&from[begin..], &to[begin..]);
    let end = from
        .iter()
        .rev()
        .zip(to.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let (from, to) = (&from[..from.len() - end], &to[..to.len() - end]);
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, &a) in from.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for (j, &b) in to.iter().enumerate() {
            let mut cost = (row[j] + usize::from(a != b)).min(row[j + 1] + 1).min(next[j] + 1);
            if i > 0 && j > 0 && a == to[j - 1] && from[i - 1] == b {
                cost = cost.min(before[j - 1] + 1);
            }
            next.push(cost);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().filter(|&distance| distance <= limit)
}

#[cfg(test)]
mod tests {
    use super::{is_misspelt, nearest};

    #[test]
    fn few_letters_differ() {
        let table = [
            ("trainer", "trianer", true),
            ("trainer", "trainer", false),
            ("trainer", "trainers", true),
            ("ann", "bob", false),
            ("ann", "anna", true),
            ("frontend", "frnotedn", true),
            ("frontend", "backend", false),
            ("aab", "aba", true),
            ("abab", "abba", true),
            ("banana", "banna", true),
            ("banana", "bananana", false),
            ("trainer-1", "trainer-12", false),
            ("trainer-1", "trainr-1", true),
        ];
        for (word, meant, expected) in table {
            assert_eq!(is_misspelt(word, meant), expected, "{word} {meant}");
        }
    }

    #[test]
    fn like_words_come_first_then_those_that_contain_the_word() {
        let there = ["frontend", "trainer-nightly", "trainer", "db", "backend", "backend"];
        assert_eq!(
            nearest("backned", there.iter().copied()),
            ["backend", "frontend", "trainer-nightly", "trainer", "db"]
        );
        assert_eq!(nearest("nightly", there.iter().copied())[0], "trainer-nightly");
        assert_eq!(nearest("Trainer", there.iter().copied())[0], "trainer");
    }
}
