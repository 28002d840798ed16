//! Bytes eight at a time, as integers: how many spaces there are, and where the first of some bytes is.

/// A word whose bytes are all 1.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The highest bit of each byte.
const HIGHEST: u64 = ONES << 7;

/// The number of spaces at the beginning.
#[inline]
pub(crate) fn count_spaces(bytes: &[u8]) -> usize {
    first_marked(bytes, |word| word ^ (ONES * u64::from(b' ')))
}

/// The index of the first byte that is one of `wanted`, or the length.
#[inline]
pub(crate) fn find<const N: usize>(bytes: &[u8], wanted: [u8; N]) -> usize {
    first_marked(bytes, |word| {
        wanted.iter().fold(0, |marks, &byte| marks | equal(word, byte))
    })
}

/// Marks the first byte of the word that equals `byte`; behind it, others may be marked too.
#[inline]
fn equal(word: u64, byte: u8) -> u64 {
    let difference = word ^ (ONES * u64::from(byte));
    difference.wrapping_sub(ONES) & !difference & HIGHEST
}

/// The index of the first byte in which `mark` sets a bit, or the length.
#[inline]
fn first_marked(bytes: &[u8], mark: impl Fn(u64) -> u64) -> usize {
    let first = |word: [u8; 8]| mark(u64::from_le_bytes(word)).trailing_zeros() as usize / 8;
    let mut start = 0;
    while let Some(&word) = bytes[start..].first_chunk() {
        let at = first(word);
        if at < 8 {
            return start + at;
        }
        start += 8;
    }
    let mut word = [0; 8];
    let rest = &bytes[start..];
    word[..rest.len()].copy_from_slice(rest);
    bytes.len().min(start + first(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn words_and_bytes_agree(bytes in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b' '), Just(b'#')], 0..40)) {
            let spaces = bytes.iter().take_while(|&&byte| byte == b' ').count();
            prop_assert_eq!(count_spaces(&bytes), spaces);
            let wanted = *b":#\n\0\xFF\x80";
            let first = bytes.iter().position(|byte| wanted.contains(byte)).unwrap_or(bytes.len());
            prop_assert_eq!(find(&bytes, wanted), first);
        }
    }
}
