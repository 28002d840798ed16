//! A document as it is laid out: comments, styles, tags, anchors and aliases of every node, as go-yaml v3 keeps them.
//!
//! For commands that change files as kustomize's `cfg` and `fn` do. What is built needs no layout, and is a
//! [`crate::Node`].

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutKind {
    /// One node is in it.
    Document,
    /// Keys and values take turns.
    Mapping,
    Sequence,
    Scalar,
    /// The value is the name of the anchor.
    Alias,
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayoutStyle {
    pub tagged: bool,
    pub double_quoted: bool,
    pub single_quoted: bool,
    pub literal: bool,
    pub folded: bool,
    /// Of collections.
    pub flow: bool,
}

impl LayoutStyle {
    /// Neither tagged nor quoted nor anything else.
    pub const PLAIN: LayoutStyle = LayoutStyle {
        tagged: false,
        double_quoted: false,
        single_quoted: false,
        literal: false,
        folded: false,
        flow: false,
    };

    /// Whether a scalar so written is a string.
    pub fn is_quoted(self) -> bool {
        self.double_quoted || self.single_quoted || self.literal || self.folded
    }
}

/// One node with its layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    pub kind: LayoutKind,
    pub style: LayoutStyle,
    /// Short: `!!str`, `!Ref`. Where it is empty, the value tells.
    pub tag: String,
    pub value: String,
    pub anchor: String,
    pub content: Vec<Layout>,
    /// In the lines above; on the line; in the lines below.
    pub head_comment: String,
    pub line_comment: String,
    pub foot_comment: String,
}

impl Layout {
    pub fn new(kind: LayoutKind) -> Layout {
        Layout {
            kind,
            style: LayoutStyle::PLAIN,
            tag: String::new(),
            value: String::new(),
            anchor: String::new(),
            content: Vec::new(),
            head_comment: String::new(),
            line_comment: String::new(),
            foot_comment: String::new(),
        }
    }

    /// A scalar without a tag: its text tells what it is.
    pub fn scalar(value: impl Into<String>) -> Layout {
        Layout {
            value: value.into(),
            ..Layout::new(LayoutKind::Scalar)
        }
    }

    /// A string. Where its bare text would be none for yaml v2, it is in double quotes.
    pub fn string(value: impl Into<String>) -> Layout {
        let value = value.into();
        let is_bare = value.contains('\n') || crate::resolve_v2(&value) == crate::Tag::Str;
        Layout {
            tag: "!!str".to_owned(),
            style: LayoutStyle {
                double_quoted: !is_bare && !value.is_empty(),
                ..LayoutStyle::PLAIN
            },
            ..Layout::scalar(value)
        }
    }

    /// What a document holds, or the node itself.
    pub fn root(&self) -> &Layout {
        match (self.kind, self.content.first()) {
            (LayoutKind::Document, Some(root)) => root,
            _ => self,
        }
    }

    pub fn root_mut(&mut self) -> &mut Layout {
        if self.kind == LayoutKind::Document && !self.content.is_empty() {
            return &mut self.content[0];
        }
        self
    }

    /// Keys and values of a mapping; nothing of anything else.
    pub fn entries(&self) -> impl Iterator<Item = (&Layout, &Layout)> {
        let content: &[Layout] = match self.kind {
            LayoutKind::Mapping => &self.content,
            _ => &[],
        };
        content.chunks_exact(2).map(|entry| (&entry[0], &entry[1]))
    }

    /// The position of a key in the content of a mapping.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.entries()
            .position(|(found, _)| found.value == key)
            .map(|at| at * 2)
    }

    /// The value of a key of a mapping.
    pub fn get(&self, key: &str) -> Option<&Layout> {
        self.position(key).map(|at| &self.content[at + 1])
    }

    pub fn get_mut(&mut self, key: &str) -> Option<&mut Layout> {
        let at = self.position(key)?;
        Some(&mut self.content[at + 1])
    }

    /// The node at a path of keys.
    pub fn get_path<'p>(&self, path: impl IntoIterator<Item = &'p str>) -> Option<&Layout> {
        path.into_iter().try_fold(self, |node, key| node.get(key))
    }

    /// Adds an entry to a mapping.
    pub fn push(&mut self, key: Layout, value: Layout) {
        self.content.extend([key, value]);
    }

    /// Removes an entry of a mapping.
    pub fn remove(&mut self, key: &str) -> Option<Layout> {
        let at = self.position(key)?;
        let value = self.content.remove(at + 1);
        self.content.remove(at);
        Some(value)
    }

    /// Whether it is nothing, written in whatever way.
    pub fn is_null(&self) -> bool {
        self.kind == LayoutKind::Scalar && self.short_tag() == "!!null"
    }

    /// What it is, also where no tag is written.
    pub fn short_tag(&self) -> &str {
        match (self.tag.as_str(), self.kind) {
            ("" | "!", LayoutKind::Mapping) => "!!map",
            ("" | "!", LayoutKind::Sequence) => "!!seq",
            ("" | "!", LayoutKind::Scalar) if self.style.is_quoted() => "!!str",
            ("" | "!", LayoutKind::Scalar) => crate::resolve_v3(&self.value).name(),
            (tag, _) => tag,
        }
    }

    /// Removes its comments, and those of all that is in it.
    pub fn strip_comments(&mut self) {
        self.head_comment.clear();
        self.line_comment.clear();
        self.foot_comment.clear();
        self.content.iter_mut().for_each(Layout::strip_comments);
    }
}
