//! The text of a scalar: short texts inline, longer ones a slice of their source, made ones owned.
//!
//! Parsing allocates nothing per scalar, and a clone is a copy of 24 bytes (and a reference count
//! for the longer ones).

use std::ops::{Deref, Range};
use std::sync::Arc;

use ecow::EcoString;

use crate::source::Source;

/// Longest text (in bytes) that [`EcoString`] keeps inline.
const INLINE: usize = EcoString::INLINE_LIMIT;

/// An immutable, cheaply cloned string.
#[derive(Clone)]
pub struct Text(Repr);

#[derive(Clone)]
enum Repr {
    Slice { source: Arc<Source>, start: u32, len: u32 },
    Owned(EcoString),
    Static(&'static str),
}

impl Text {
    /// The bytes `range` of a source. The range must lie on character boundaries.
    #[inline]
    pub fn slice(source: &Arc<Source>, range: Range<usize>) -> Text {
        Text::part(source, range.start, &source.text()[range])
    }

    /// The part of a source that begins at `start`, whose text is at hand.
    #[inline]
    pub(crate) fn part(source: &Arc<Source>, start: usize, text: &str) -> Text {
        debug_assert!(source.text()[start..].starts_with(text));
        if text.len() <= INLINE {
            // To copy a fixed number of bytes and to cut them is quicker than to copy as many as there are.
            let inline = match source.text().get(start..start + INLINE) {
                Some(longer) => {
                    let mut inline = EcoString::inline(longer);
                    inline.truncate(text.len());
                    inline
                }
                None => EcoString::inline(text),
            };
            return Text(Repr::Owned(inline));
        }
        Text(Repr::Slice {
            source: source.clone(),
            start: start as u32,
            len: text.len() as u32,
        })
    }

    /// A text that is a part of the program.
    pub const fn from_static(text: &'static str) -> Text {
        Text(Repr::Static(text))
    }

    #[inline]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Repr::Slice { source, start, len } => &source.text()[*start as usize..(*start + *len) as usize],
            Repr::Owned(text) => text,
            Repr::Static(text) => text,
        }
    }
}

impl Default for Text {
    fn default() -> Text {
        Text(Repr::Owned(EcoString::new()))
    }
}

impl Deref for Text {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Text {
        Text(Repr::Owned(EcoString::from(text)))
    }
}

impl From<String> for Text {
    fn from(text: String) -> Text {
        Text(Repr::Owned(EcoString::from(text)))
    }
}

impl From<EcoString> for Text {
    fn from(text: EcoString) -> Text {
        Text(Repr::Owned(text))
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Text) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Text {}

impl PartialEq<str> for Text {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Text {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl PartialOrd for Text {
    fn partial_cmp(&self, other: &Text) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Text {
    fn cmp(&self, other: &Text) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl std::hash::Hash for Text {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl std::borrow::Borrow<str> for Text {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Text {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(self.as_str(), f)
    }
}
