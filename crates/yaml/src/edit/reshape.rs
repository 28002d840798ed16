//! Changes that move what is written to another place, with its comments: a key gets another name, a list
//! goes to the end of another one, a mapping becomes a part of an item, an entry comes first.

use crate::node::{Map, Node, Value};

use super::layout::{Kind, Pair};
use super::{EditError, Editor, Splice, Step, lookup_mut, shown};

impl Editor {
    /// Gives the entry at a path another key; its value and its comments stay.
    ///
    /// # Errors
    /// If it is not there, the new key is there already, or the layout cannot be edited.
    pub fn rename(&mut self, path: &[Step<'_>], key: &str) -> Result<(), EditError> {
        let Some((Step::Key(old), parent)) = path.split_last() else {
            return Err(EditError::WrongKind(shown(path)));
        };
        self.find(path)?;
        let mut expected = self.node.clone();
        let map = lookup_mut(&mut expected, parent).and_then(Node::as_map_mut);
        let map = map.ok_or_else(|| EditError::WrongKind(shown(parent)))?;
        if map.contains_key(key) {
            return Err(EditError::Duplicate(key.to_owned()));
        }
        let mut renamed = Map::new();
        for entry in &*map {
            let is_meant = entry.key.as_str() == Some(*old);
            let new = if is_meant { Node::string(key) } else { entry.key.clone() };
            renamed.push(new, entry.value.clone());
        }
        *map = renamed;
        let pair = self.pair(path)?;
        let written = &self.text[pair.start..pair.colon_end - 1];
        let key_end = pair.start + written.trim_end().len();
        let splice = (pair.start..key_end, self.manner.flow(&Node::string(key)));
        self.apply(vec![splice], expected)
    }

    /// Moves the items of a list at the top to the end of another one, which is made if it is missing. Lists
    /// in block style keep their comments.
    ///
    /// # Errors
    /// If one of them is no list, or the layout cannot be edited.
    pub fn append_list(&mut self, from: &str, to: &str) -> Result<(), EditError> {
        let (from_path, to_path) = ([Step::Key(from)], [Step::Key(to)]);
        match self.node.get(to) {
            None => return self.rename(&from_path, to),
            Some(list) if list.is_null_or_empty() => {
                self.remove(&to_path)?;
                return self.rename(&from_path, to);
            }
            Some(_) => {}
        }
        let items = self.node.get(from).and_then(Node::as_seq).cloned();
        let items = items.ok_or_else(|| EditError::WrongKind(from.to_owned()))?;
        let mut expected = self.node.clone();
        let list = expected.get_mut(to).and_then(Node::as_seq_mut);
        let list = list.ok_or_else(|| EditError::WrongKind(to.to_owned()))?;
        items.iter().for_each(|item| list.push(item.clone()));
        if let Value::Map(map) = &mut expected.value {
            map.remove(from);
        }
        if let Some(splices) = self.list_as_text(from, to)?
            && self.apply(splices, expected).is_ok()
        {
            return Ok(());
        }
        self.remove(&from_path)?;
        items.iter().try_for_each(|item| self.push(&to_path, item))
    }

    /// Makes the mapping `from` at the top the value of `key` in a new last item of the list `to`, behind the
    /// entry `head`.
    ///
    /// # Errors
    /// If `from` is missing, `to` is no list, or the layout cannot be edited.
    pub fn nest(&mut self, from: &str, to: &str, head: (&str, &Node), key: &str) -> Result<(), EditError> {
        let inner = self.node.get(from).cloned();
        let inner = inner.ok_or_else(|| EditError::Missing(from.to_owned()))?;
        let mut item = Map::new();
        item.insert(head.0, head.1.clone());
        item.insert(key, inner);
        let item = Node::map(item);
        if let Some((splices, expected)) = self.nested_as_text(from, to, head, key, &item)?
            && self.apply(splices, expected).is_ok()
        {
            return Ok(());
        }
        self.remove(&[Step::Key(from)])?;
        self.push(&[Step::Key(to)], &item)
    }

    /// Writes an entry before all others at the top, behind the comments that begin the file.
    ///
    /// # Errors
    /// If the key is there already, or the layout cannot be edited.
    pub fn set_first(&mut self, key: &str, value: &Node) -> Result<(), EditError> {
        let first = match &self.layout.kind {
            Kind::Map { flow: false, entries } => entries.first().map(|pair| pair.start),
            _ => None,
        };
        let (Some(first), Value::Map(map)) = (first, &self.node.value) else {
            return self.set(&[Step::Key(key)], value);
        };
        if map.contains_key(key) {
            return Err(EditError::Duplicate(key.to_owned()));
        }
        let mut entries = Map::new();
        entries.insert(key, value.clone());
        map.iter()
            .for_each(|entry| entries.push(entry.key.clone(), entry.value.clone()));
        let mut at = self.line_start(first);
        if self.text[at..first].starts_with('\u{FEFF}') {
            at += '\u{FEFF}'.len_utf8();
        }
        // Comments right above the first entry are about it if others stand before them.
        let mut about = at;
        while let Some(line) = self.line_before(about)
            && self.text[line..about].trim_start().starts_with('#')
        {
            about = line;
        }
        if self
            .line_before(about)
            .is_some_and(|line| self.text[line..about].trim().is_empty())
        {
            at = about;
        }
        let column = self.column(first);
        let entry = self.manner.entry(&Node::string(key), value, column);
        let text = format!("{:column$}{entry}{}", "", self.manner.newline);
        let mut expected = self.node.clone();
        expected.value = Value::Map(entries);
        self.apply(vec![(at..at, text)], expected)
    }

    /// The lines of one list behind those of the other, if both have lines of their own.
    fn list_as_text(&self, from: &str, to: &str) -> Result<Option<Vec<Splice>>, EditError> {
        let (source, target) = (self.pair(&[Step::Key(from)])?, self.pair(&[Step::Key(to)])?);
        let (
            Kind::Seq { flow: false, items },
            Kind::Seq {
                flow: false,
                items: known,
            },
        ) = (&source.value.kind, &target.value.kind)
        else {
            return Ok(None);
        };
        let (Some(first), Some(before), Some(last)) = (items.first(), known.first(), known.last()) else {
            return Ok(None);
        };
        let Some(lines) = self.lines_below(source) else {
            return Ok(None);
        };
        let lines = reindent(lines, self.column(first.start), self.column(before.start));
        let at = self.line_end(last.end(false));
        Ok(Some(vec![
            (at..at, format!("{}{lines}", self.manner.newline)),
            self.without(from)?,
        ]))
    }

    fn nested_as_text(
        &self,
        from: &str,
        to: &str,
        head: (&str, &Node),
        key: &str,
        item: &Node,
    ) -> Result<Option<(Vec<Splice>, Node)>, EditError> {
        let source = self.pair(&[Step::Key(from)])?;
        let Kind::Map { flow: false, entries } = &source.value.kind else {
            return Ok(None);
        };
        let (Some(lines), Some(first)) = (self.lines_below(source), entries.first()) else {
            return Ok(None);
        };
        let mut expected = self.node.clone();
        let Value::Map(top) = &mut expected.value else {
            return Ok(None);
        };
        let written = |column: usize| {
            let head = self.manner.entry(&Node::string(head.0), head.1, column + 2);
            let key = format!("{}{}:", self.manner.line(column + 2), key);
            let lines = reindent(lines, self.column(first.start), column + 4);
            format!(
                "{}- {head}{key}{}{lines}",
                self.manner.line(column),
                self.manner.newline
            )
        };
        if top.get(to).is_none() {
            let mut renamed = Map::new();
            for entry in &*top {
                if entry.key.as_str() == Some(from) {
                    renamed.push(Node::string(to), Node::seq([item.clone()].as_slice()));
                } else {
                    renamed.push(entry.key.clone(), entry.value.clone());
                }
            }
            *top = renamed;
            let key_end = source.start + self.text[source.start..source.colon_end - 1].trim_end().len();
            let body = self.line_end(source.colon_end)..self.line_end(source.end());
            let text = written(self.column(source.start) + self.manner.list_indent);
            return Ok(Some((
                vec![(source.start..key_end, to.to_owned()), (body, text)],
                expected,
            )));
        }
        top.remove(from);
        let list = top.get_mut(to).and_then(Node::as_seq_mut);
        let Some(list) = list else { return Ok(None) };
        list.push(item.clone());
        let Kind::Seq { flow: false, items } = &self.pair(&[Step::Key(to)])?.value.kind else {
            return Ok(None);
        };
        let Some(last) = items.last() else { return Ok(None) };
        let at = self.line_end(last.end(false));
        let text = written(self.column(last.start));
        Ok(Some((vec![(at..at, text), self.without(from)?], expected)))
    }

    /// The entry at a path whose last step is a key.
    fn pair(&self, path: &[Step<'_>]) -> Result<&Pair, EditError> {
        let missing = || EditError::Missing(shown(path));
        let (last, parent) = path.split_last().ok_or_else(missing)?;
        match (&self.find(parent)?.kind, last) {
            (Kind::Map { entries, .. }, Step::Key(key)) => {
                entries.iter().find(|pair| pair.key == *key).ok_or_else(missing)
            }
            _ => Err(missing()),
        }
    }

    /// The lines of a value that begins below its key, comments included, without the last line break.
    fn lines_below(&self, pair: &Pair) -> Option<&str> {
        let key_end = self.line_end(pair.colon_end);
        let start = key_end + self.text[key_end..].find('\n')? + 1;
        (pair.value.start >= start && !pair.value.has_properties).then(|| &self.text[start..self.line_end(pair.end())])
    }

    /// Takes an entry at the top away.
    fn without(&self, key: &str) -> Result<Splice, EditError> {
        let Kind::Map { flow: false, entries } = &self.layout.kind else {
            return Err(self.unknown(self.layout.start));
        };
        let spans: Vec<_> = entries.iter().map(|pair| pair.start..pair.end()).collect();
        let index = entries.iter().position(|pair| pair.key == key);
        let index = index.ok_or_else(|| EditError::Missing(key.to_owned()))?;
        Ok((self.block_removal(&spans, index)?, String::new()))
    }

    fn line_start(&self, at: usize) -> usize {
        self.text[..at].rfind('\n').map_or(0, |newline| newline + 1)
    }

    /// The start of the line above one that starts here.
    fn line_before(&self, start: usize) -> Option<usize> {
        let before = self.text[..start].strip_suffix('\n')?;
        Some(self.line_start(before.len()))
    }
}

/// Lines that stood at one column, at another one.
fn reindent(lines: &str, from: usize, to: usize) -> String {
    let mut out = String::with_capacity(lines.len());
    for line in lines.split_inclusive('\n') {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        if line.trim().is_empty() {
            out.push_str(line);
        } else if to >= from {
            out.push_str(&" ".repeat(to - from));
            out.push_str(line);
        } else {
            out.push_str(&line[spaces.min(from - to)..]);
        }
    }
    out
}
