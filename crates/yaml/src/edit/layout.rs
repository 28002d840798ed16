//! Where the pieces of a document stand: text in, byte spans of every entry and item out.
//!
//! This reads layout, not meaning: it accepts what a kustomization is written in and refuses the rest
//! (explicit keys, collections as keys). What it says is checked by the editor, which reads the result of
//! every change with the real parser.

/// One node as it is written. `end` is behind its last character, comments and white space apart.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether an anchor or a tag stands before it.
    pub(super) has_properties: bool,
    pub(super) kind: Kind,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Nothing at all, where a value could be.
    Nothing,
    Scalar(Quote),
    Alias,
    Map {
        flow: bool,
        entries: Vec<Pair>,
    },
    Seq {
        flow: bool,
        items: Vec<Item>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quote {
    Plain,
    Single,
    Double,
    Block,
}

#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) key: String,
    pub(super) start: usize,
    /// Behind the colon.
    pub(super) colon_end: usize,
    pub(super) value: Layout,
}

impl Pair {
    /// Behind the last character of key and value.
    pub(super) fn end(&self) -> usize {
        self.value.end.max(self.colon_end)
    }
}

#[derive(Clone, Debug)]
pub(super) struct Item {
    /// The dash; in flow style the item itself.
    pub(super) start: usize,
    pub(super) value: Layout,
}

impl Item {
    pub(super) fn end(&self, flow: bool) -> usize {
        if flow {
            self.value.end
        } else {
            self.value.end.max(self.start + 1)
        }
    }
}

/// A place whose layout is not understood.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unknown(pub(super) usize);

type Result<T> = std::result::Result<T, Unknown>;

/// More levels than this are not for editing by hand or by this.
const MAX_DEPTH: usize = 200;

/// Reads the first document of a text.
pub(super) fn read(text: &str) -> Result<Layout> {
    let mut reader = Reader {
        text: text.as_bytes(),
        pos: 0,
        depth: 0,
    };
    if text.starts_with('\u{FEFF}') {
        reader.pos = 3;
    }
    reader.skip();
    while reader.column() == 0 && reader.peek() == b'%' {
        reader.pos = reader.line_end(reader.pos);
        reader.skip();
    }
    if reader.column() == 0 && reader.text[reader.pos..].starts_with(b"---") && reader.at_marker() {
        reader.pos += 3;
    }
    let root = reader.block(0, false)?;
    reader.skip();
    if reader.pos < reader.text.len() && !reader.at_marker() {
        return Err(Unknown(reader.pos));
    }
    Ok(root)
}

struct Reader<'t> {
    text: &'t [u8],
    pos: usize,
    depth: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.at(self.pos)
    }

    /// The byte at a place; a line break behind the end.
    fn at(&self, pos: usize) -> u8 {
        self.text.get(pos).copied().unwrap_or(b'\n')
    }

    fn is_blank(&self, pos: usize) -> bool {
        matches!(self.at(pos), b' ' | b'\t' | b'\n' | b'\r')
    }

    fn line_start(&self, pos: usize) -> usize {
        memchr::memrchr(b'\n', &self.text[..pos]).map_or(0, |at| at + 1)
    }

    /// The line break that ends the line, or the end of the text.
    fn line_end(&self, pos: usize) -> usize {
        memchr::memchr(b'\n', &self.text[pos..]).map_or(self.text.len(), |at| pos + at)
    }

    fn column(&self) -> usize {
        let start = self.line_start(self.pos);
        let bom = if start == 0 && self.text.starts_with("\u{FEFF}".as_bytes()) {
            3
        } else {
            0
        };
        (self.pos - start).saturating_sub(bom)
    }

    /// Goes over white space and comments.
    fn skip(&mut self) {
        loop {
            match self.text.get(self.pos) {
                Some(b' ' | b'\t' | b'\n' | b'\r') => self.pos += 1,
                Some(b'#') if self.pos == 0 || self.is_blank(self.pos - 1) || self.column() == 0 => {
                    self.pos = self.line_end(self.pos);
                }
                _ => return,
            }
        }
    }

    fn at_marker(&self) -> bool {
        let rest = &self.text[self.pos..];
        self.column() == 0 && (rest.starts_with(b"---") || rest.starts_with(b"...")) && self.is_blank(self.pos + 3)
    }

    fn at_dash(&self) -> bool {
        self.peek() == b'-' && self.pos < self.text.len() && self.is_blank(self.pos + 1)
    }

    fn nothing(&self, at: usize) -> Layout {
        Layout {
            start: at,
            end: at,
            has_properties: false,
            kind: Kind::Nothing,
        }
    }

    /// A node in block style, at least `indent` columns in; a list may stand one column less deep than that
    /// where `list_outside` says so, as the value of a key.
    fn block(&mut self, indent: usize, list_outside: bool) -> Result<Layout> {
        let before = self.pos;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unknown(before));
        }
        self.skip();
        let column = self.column();
        let outside = list_outside && column + 1 == indent && self.at_dash();
        let layout = if self.pos >= self.text.len() || self.at_marker() || (column < indent && !outside) {
            self.pos = before;
            self.nothing(before)
        } else {
            self.block_node(indent, column)?
        };
        self.depth -= 1;
        Ok(layout)
    }

    fn block_node(&mut self, indent: usize, column: usize) -> Result<Layout> {
        let start = self.pos;
        if self.at_dash() {
            return self.block_seq(column);
        }
        if matches!(self.peek(), b'&' | b'!') {
            while !self.is_blank(self.pos) {
                self.pos += 1;
            }
            let end = self.pos;
            let line = self.line_start(start);
            let mut layout = self.block(indent, indent > 0)?;
            let same_line = self.line_start(layout.start) == line;
            match &layout.kind {
                // The properties would be those of the first key.
                Kind::Map { flow: false, .. } if same_line => return Err(Unknown(start)),
                Kind::Nothing => layout.end = end,
                _ => {}
            }
            layout.has_properties = true;
            return Ok(layout);
        }
        if self.peek() == b'?' && self.is_blank(self.pos + 1) {
            return Err(Unknown(start));
        }
        if matches!(self.peek(), b'|' | b'>') {
            return self.block_scalar(indent);
        }
        let first = self.token(false)?;
        if self.colon_follows(false) {
            self.pos = start;
            return self.block_map(column);
        }
        let mut layout = first;
        if matches!(layout.kind, Kind::Scalar(Quote::Plain)) {
            self.continue_plain(indent, &mut layout)?;
        }
        Ok(layout)
    }

    /// Goes over the lines that continue a plain scalar.
    fn continue_plain(&mut self, indent: usize, layout: &mut Layout) -> Result<()> {
        loop {
            let line_end = self.line_end(self.pos);
            let rest = self.text[self.pos..line_end].trim_ascii();
            if !rest.is_empty() {
                return if rest.starts_with(b"#") {
                    Ok(())
                } else {
                    Err(Unknown(self.pos))
                };
            }
            let before = self.pos;
            while self.pos < self.text.len() && self.is_blank(self.pos) {
                self.pos += 1;
            }
            if self.pos >= self.text.len() || self.peek() == b'#' || self.at_marker() || self.column() < indent {
                self.pos = before;
                return Ok(());
            }
            let more = self.plain(false);
            layout.end = more.end;
        }
    }

    fn block_seq(&mut self, column: usize) -> Result<Layout> {
        let start = self.pos;
        let mut items = Vec::new();
        loop {
            let dash = self.pos;
            self.pos += 1;
            let value = self.block(column + 1, false)?;
            items.push(Item { start: dash, value });
            let before = self.pos;
            self.skip();
            if self.pos >= self.text.len() || self.column() != column || !self.at_dash() || self.at_marker() {
                self.pos = before;
                break;
            }
        }
        let end = items.last().map_or(start + 1, |item| item.end(false));
        Ok(Layout {
            start,
            end,
            has_properties: false,
            kind: Kind::Seq { flow: false, items },
        })
    }

    fn block_map(&mut self, column: usize) -> Result<Layout> {
        let start = self.pos;
        let mut entries = Vec::new();
        loop {
            let pair_start = self.pos;
            let key = self.token(false)?;
            if !self.colon_follows(false) {
                return Err(Unknown(pair_start));
            }
            let key = self.key_text(&key)?;
            self.pos = memchr::memchr(b':', &self.text[self.pos..]).map_or(self.pos, |at| self.pos + at) + 1;
            let colon_end = self.pos;
            let value = self.block(column + 1, true)?;
            entries.push(Pair {
                key,
                start: pair_start,
                colon_end,
                value,
            });
            let before = self.pos;
            self.skip();
            if self.pos >= self.text.len() || self.column() != column || self.at_marker() || self.at_dash() {
                self.pos = before;
                break;
            }
        }
        let end = entries.last().map_or(start, Pair::end);
        Ok(Layout {
            start,
            end,
            has_properties: false,
            kind: Kind::Map { flow: false, entries },
        })
    }

    fn block_scalar(&mut self, indent: usize) -> Result<Layout> {
        let start = self.pos;
        let header_end = self.line_end(start);
        let header = &self.text[start..header_end];
        let header = &header[..memchr::memchr(b' ', header).unwrap_or(header.len())];
        let explicit = header
            .iter()
            .find(|byte| byte.is_ascii_digit())
            .map(|byte| usize::from(byte - b'0'));
        let keep = header.contains(&b'+');
        let mut needed = explicit.map(|more| (indent + more).saturating_sub(1).max(1));
        let mut end = start + header.trim_ascii_end().len();
        let mut line = header_end + 1;
        self.pos = header_end;
        while line < self.text.len() {
            let line_end = self.line_end(line);
            let text = &self.text[line..line_end];
            let text = text.strip_suffix(b"\r").unwrap_or(text);
            let spaces = text.iter().take_while(|byte| **byte == b' ').count();
            if spaces == text.len() {
                if keep {
                    end = line + text.len();
                    self.pos = end;
                }
            } else {
                if spaces < needed.unwrap_or(indent)
                    || (spaces == 0 && (text.starts_with(b"---") || text.starts_with(b"...")))
                {
                    break;
                }
                needed = needed.or(Some(spaces));
                end = line + text.len();
                self.pos = end;
            }
            line = line_end + 1;
        }
        Ok(Layout {
            start,
            end,
            has_properties: false,
            kind: Kind::Scalar(Quote::Block),
        })
    }

    /// One scalar on its line, an alias, or a flow collection.
    fn token(&mut self, in_flow: bool) -> Result<Layout> {
        let start = self.pos;
        let kind = match self.peek() {
            b'[' | b'{' => return self.flow(),
            quote @ (b'\'' | b'"') => {
                self.pos += 1;
                loop {
                    match self.text.get(self.pos) {
                        None => return Err(Unknown(start)),
                        Some(b'\\') if quote == b'"' => self.pos += 2,
                        Some(byte) if *byte == quote => {
                            self.pos += 1;
                            if quote == b'"' || self.at(self.pos) != b'\'' || self.pos >= self.text.len() {
                                break;
                            }
                            self.pos += 1;
                        }
                        Some(_) => self.pos += 1,
                    }
                }
                Kind::Scalar(if quote == b'"' { Quote::Double } else { Quote::Single })
            }
            b'*' => {
                let ends = |byte: u8| in_flow && matches!(byte, b',' | b']' | b'}');
                while !self.is_blank(self.pos) && !ends(self.peek()) {
                    self.pos += 1;
                }
                Kind::Alias
            }
            b'&' | b'!' | b'%' | b'@' | b'`' => return Err(Unknown(start)),
            _ => return Ok(self.plain(in_flow)),
        };
        Ok(Layout {
            start,
            end: self.pos,
            has_properties: false,
            kind,
        })
    }

    /// A plain scalar, as far as its line goes.
    fn plain(&mut self, in_flow: bool) -> Layout {
        let start = self.pos;
        let mut end = start;
        while self.pos < self.text.len() {
            match self.peek() {
                b'\n' | b'\r' => break,
                b'#' if self.pos > start && self.is_blank(self.pos - 1) => break,
                b':' if self.is_blank(self.pos + 1) => break,
                b':' if in_flow && matches!(self.at(self.pos + 1), b',' | b'[' | b']' | b'{' | b'}') => break,
                b',' | b'[' | b']' | b'{' | b'}' if in_flow => break,
                b' ' | b'\t' => self.pos += 1,
                _ => {
                    self.pos += 1;
                    end = self.pos;
                }
            }
        }
        self.pos = end;
        Layout {
            start,
            end,
            has_properties: false,
            kind: Kind::Scalar(Quote::Plain),
        }
    }

    /// Whether the colon of a key comes next on this line.
    fn colon_follows(&self, json_key: bool) -> bool {
        let mut pos = self.pos;
        while matches!(self.at(pos), b' ' | b'\t') {
            pos += 1;
        }
        self.at(pos) == b':' && (json_key || self.is_blank(pos + 1))
    }

    fn key_text(&self, key: &Layout) -> Result<String> {
        let text = &self.text[key.start..key.end];
        let text = match key.kind {
            Kind::Scalar(Quote::Plain) => text,
            Kind::Scalar(Quote::Single | Quote::Double) => &text[1..text.len() - 1],
            _ => return Err(Unknown(key.start)),
        };
        let plain = matches!(key.kind, Kind::Scalar(Quote::Plain));
        if !plain && text.iter().any(|byte| matches!(byte, b'\\' | b'\'' | b'\n')) {
            return Err(Unknown(key.start));
        }
        String::from_utf8(text.to_vec()).map_err(|_| Unknown(key.start))
    }

    fn flow(&mut self) -> Result<Layout> {
        let start = self.pos;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Unknown(start));
        }
        let is_map = self.peek() == b'{';
        let close = if is_map { b'}' } else { b']' };
        self.pos += 1;
        let (mut items, mut entries) = (Vec::new(), Vec::new());
        loop {
            self.skip();
            if self.pos >= self.text.len() {
                return Err(Unknown(start));
            }
            if self.peek() == close {
                self.pos += 1;
                break;
            }
            let item = self.pos;
            let node = self.flow_node()?;
            let is_json = !matches!(node.kind, Kind::Scalar(Quote::Plain));
            if self.colon_follows(is_json) || (is_map && self.peek() == b':') {
                if !is_map {
                    return Err(Unknown(item));
                }
                let key = self.key_text(&node)?;
                self.pos = memchr::memchr(b':', &self.text[self.pos..]).map_or(self.pos, |at| self.pos + at) + 1;
                let colon_end = self.pos;
                self.skip();
                let value = match self.peek() {
                    b',' | b'}' => {
                        self.pos = colon_end;
                        self.nothing(colon_end)
                    }
                    _ => self.flow_node()?,
                };
                entries.push(Pair {
                    key,
                    start: item,
                    colon_end,
                    value,
                });
            } else if is_map {
                return Err(Unknown(item));
            } else {
                items.push(Item {
                    start: item,
                    value: node,
                });
            }
            self.skip();
            match self.peek() {
                b',' => self.pos += 1,
                byte if byte == close => {}
                _ => return Err(Unknown(self.pos)),
            }
        }
        self.depth -= 1;
        let kind = if is_map {
            Kind::Map { flow: true, entries }
        } else {
            Kind::Seq { flow: true, items }
        };
        Ok(Layout {
            start,
            end: self.pos,
            has_properties: false,
            kind,
        })
    }

    fn flow_node(&mut self) -> Result<Layout> {
        let mut has_properties = false;
        while matches!(self.peek(), b'&' | b'!') {
            has_properties = true;
            while !self.is_blank(self.pos) {
                self.pos += 1;
            }
            self.skip();
        }
        let mut node = self.token(true)?;
        if matches!(node.kind, Kind::Scalar(Quote::Plain)) && node.end == node.start {
            return Err(Unknown(node.start));
        }
        node.has_properties = has_properties;
        Ok(node)
    }
}
