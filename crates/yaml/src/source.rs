//! Sources: the texts that trees are parsed from, and marks, the places in them.
//!
//! A [`Source`] is one file (or one string inside a file, such as an inline patch). It is shared by
//! every scalar that was sliced from it, so a tree keeps the texts alive that it borrows from. A
//! [`Sources`] hands out the ids; a [`Mark`] is an id and a byte offset, eight bytes in all.

use std::sync::{Arc, OnceLock, RwLock};

/// Identifies a [`Source`] within one [`Sources`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

impl SourceId {
    /// The source of things that no file holds (values made by the program itself).
    pub const NONE: SourceId = SourceId(0);

    /// The number of the source within its [`Sources`].
    pub fn to_u32(self) -> u32 {
        self.0
    }

    /// The source with this number.
    pub fn from_u32(number: u32) -> SourceId {
        SourceId(number)
    }
}

/// A place in a source: which one, and the byte offset in its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    pub source: SourceId,
    pub offset: u32,
}

impl Default for Mark {
    fn default() -> Mark {
        Mark::NONE
    }
}

impl Mark {
    /// No place: the value was not read from any file.
    pub const NONE: Mark = Mark {
        source: SourceId::NONE,
        offset: 0,
    };

    /// Whether this names a place at all.
    pub fn is_some(self) -> bool {
        self.source != SourceId::NONE
    }
}

/// Where the text of an embedded source stands in the file that holds it.
#[derive(Clone, Debug)]
pub struct Host {
    /// The file that holds the text.
    pub source: Arc<Source>,
    /// Zero-based line of the host on which the first line of the text stands.
    pub first_line: u32,
    /// Columns by which each line of the text is indented in the host.
    pub indent: u32,
}

/// One text that was read: its name as the user knows it, and its bytes.
#[derive(Debug)]
pub struct Source {
    id: SourceId,
    name: String,
    text: String,
    host: Option<Host>,
    line_starts: OnceLock<Vec<u32>>,
}

/// A place as a person reads it. Line and column count from 1; a column is a character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    pub file: String,
    pub line: u32,
    pub column: u32,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Source {
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// The path as the user would type it.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file that holds this text, where it is a string inside one.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// A mark at a byte offset of this text.
    pub fn mark(&self, offset: usize) -> Mark {
        Mark {
            source: self.id,
            offset: u32::try_from(offset).unwrap_or(u32::MAX),
        }
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let newlines = memchr::memchr_iter(b'\n', self.text.as_bytes());
            std::iter::once(0).chain(newlines.map(|at| at as u32 + 1)).collect()
        })
    }

    /// Some lines from a zero-based one on, without their ends; fewer where the text has no more.
    pub fn lines(&self, first: usize, count: usize) -> Vec<&str> {
        let starts = self.line_starts();
        let end = |line: usize| starts.get(line + 1).map_or(self.text.len(), |&next| next as usize - 1);
        let numbers = first..first.saturating_add(count).min(starts.len());
        numbers
            .map(|line| &self.text[starts[line] as usize..end(line)])
            .collect()
    }

    /// Zero-based line and column (in characters) of a byte offset of this text itself.
    pub fn line_column(&self, offset: u32) -> (u32, u32) {
        let starts = self.line_starts();
        let line = starts.partition_point(|&start| start <= offset).saturating_sub(1);
        let start = starts[line] as usize;
        let end = (offset as usize).min(self.text.len());
        let column = self.text.as_bytes()[start.min(end)..end]
            .iter()
            .filter(|&&b| b & 0xC0 != 0x80)
            .count();
        (line as u32, column as u32)
    }

    /// The place of a byte offset, in the outermost file that holds it.
    pub fn place(&self, offset: u32) -> Place {
        let (mut line, mut column) = self.line_column(offset);
        let mut source = self;
        while let Some(host) = &source.host {
            line += host.first_line;
            column += host.indent;
            source = &host.source;
        }
        Place {
            file: source.name.clone(),
            line: line + 1,
            column: column + 1,
        }
    }

    /// The outermost file that holds this text.
    pub fn file(&self) -> &Source {
        let mut source = self;
        while let Some(host) = &source.host {
            source = &host.source;
        }
        source
    }
}

/// The sources of one or several builds, by id. Only ever grows; shared between threads.
#[derive(Debug, Default)]
pub struct Sources {
    all: RwLock<Vec<Arc<Source>>>,
}

impl Sources {
    pub fn new() -> Sources {
        Sources::default()
    }

    /// Adds the text of a file.
    pub fn add(&self, name: impl Into<String>, text: String) -> Arc<Source> {
        self.push(name.into(), text, None)
    }

    /// Adds a text that stands inside another one, such as an inline patch.
    pub fn add_embedded(&self, name: impl Into<String>, text: String, host: Host) -> Arc<Source> {
        self.push(name.into(), text, Some(host))
    }

    fn push(&self, name: String, text: String, host: Option<Host>) -> Arc<Source> {
        let mut all = self.all.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let id = SourceId(u32::try_from(all.len() + 1).expect("fewer than 2^32 sources"));
        let source = Arc::new(Source {
            id,
            name,
            text,
            host,
            line_starts: OnceLock::new(),
        });
        all.push(source.clone());
        source
    }

    /// The source of an id, unless it is [`SourceId::NONE`].
    pub fn get(&self, id: SourceId) -> Option<Arc<Source>> {
        let all = self.all.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        all.get((id.0 as usize).checked_sub(1)?).cloned()
    }

    /// The place a mark stands for, unless it is [`Mark::NONE`].
    pub fn place(&self, mark: Mark) -> Option<Place> {
        Some(self.get(mark.source)?.place(mark.offset))
    }
}
