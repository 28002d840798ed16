//! The order of keys in printed mappings: letters by code point, numbers in names by value.
//!
//! Follows the order of yaml v2 (sorter.go). That order is not transitive for some names (`v10`,
//! `v1alpha1`, `v2`), so no sort of the standard library may be used with it.

use std::borrow::Cow;

use crate::node::Node;

/// A key as it is printed, and its value.
pub(super) type Item<'n> = (Cow<'n, str>, &'n Node);

/// Sorts keys; what is in order already costs one comparison for each key.
pub(super) fn sort(items: &mut [Item<'_>]) {
    let sorted = items
        .windows(2)
        .take_while(|pair| !less(&pair[1].0, &pair[0].0))
        .count()
        + 1;
    if sorted >= items.len() {
        return;
    }
    if items.len() <= 24 {
        insertion_sort(items, sorted);
    } else {
        merge_sort(items);
    }
}

fn insertion_sort(items: &mut [Item<'_>], sorted: usize) {
    for at in sorted..items.len() {
        let mut to = at;
        while to > 0 && less(&items[at].0, &items[to - 1].0) {
            to -= 1;
        }
        items[to..=at].rotate_right(1);
    }
}

fn merge_sort(items: &mut [Item<'_>]) {
    if items.len() <= 24 {
        return insertion_sort(items, 1);
    }
    let middle = items.len() / 2;
    merge_sort(&mut items[..middle]);
    merge_sort(&mut items[middle..]);
    let left: Vec<Item<'_>> = items[..middle].to_vec();
    let (mut from_left, mut from_right) = (0, middle);
    for to in 0..items.len() {
        if from_left == left.len() {
            return;
        }
        if from_right < items.len() && less(&items[from_right].0, &left[from_left].0) {
            items[to] = items[from_right].clone();
            from_right += 1;
        } else {
            items[to] = left[from_left].clone();
            from_left += 1;
        }
    }
}

/// Whether key `a` comes before key `b`.
pub(super) fn less(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (Some(&first), Some(&second)) = (a.get(same), b.get(same)) else {
        return a.len() < b.len();
    };
    if first.is_ascii_alphabetic() && second.is_ascii_alphabetic() {
        return first < second;
    }
    if first < 0x80 && second < 0x80 {
        return less_at(a, b, same, (first.is_ascii_alphabetic(), second.is_ascii_alphabetic()));
    }
    // Back to the beginning of the character that differs.
    let start = (0..=same)
        .rev()
        .find(|&at| a.get(at).is_none_or(|byte| byte & 0xC0 != 0x80))
        .unwrap_or(0);
    let letter = |bytes: &[u8]| {
        let text = std::str::from_utf8(&bytes[start..]).unwrap_or_default();
        text.chars().next().is_some_and(|character| character.is_alphabetic())
    };
    let (a_letter, b_letter) = (letter(a), letter(b));
    if a_letter && b_letter {
        return a[start..] < b[start..];
    }
    less_at(a, b, start, (a_letter, b_letter))
}

/// Compares where at most one of the two characters is a letter: numbers by value.
fn less_at(a: &[u8], b: &[u8], at: usize, (a_letter, b_letter): (bool, bool)) -> bool {
    if a_letter || b_letter {
        return b_letter;
    }
    // A zero after other digits continues a number that is the same on both sides.
    let continued = (a[at] == b'0' || b[at] == b'0')
        && a[..at]
            .iter()
            .rev()
            .take_while(|byte| byte.is_ascii_digit())
            .any(|&byte| byte != b'0');
    let number = |bytes: &[u8]| {
        let digits = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
        digits.fold((i64::from(continued), 0), |(value, len), digit| {
            (value.wrapping_mul(10).wrapping_add(i64::from(digit - b'0')), len + 1)
        })
    };
    let (a_number, a_len) = number(a);
    let (b_number, b_len) = number(b);
    if a_number != b_number {
        return a_number < b_number;
    }
    if a_len != b_len {
        return a_len < b_len;
    }
    a[at..] < b[at..]
}
