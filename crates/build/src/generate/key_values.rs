//! Keys and values from literals, files and env files (kustomize's `api/kv`).

use yaml::{Mark, Text};

use crate::accumulate::{Context, Target};
use crate::config::{GeneratorArgs, Str};
use crate::error::{BuildError, ErrorKind, Result};

/// Longest line of an env file; what comes behind a longer one is not read (Go's `bufio.Scanner`).
const LINE_LIMIT: usize = 64 * 1024;

/// One entry of a ConfigMap or Secret.
pub(crate) struct KeyValue {
    pub(crate) key: Text,
    pub(crate) value: Data,
    /// Where the value stands.
    pub(crate) mark: Mark,
}

/// A value: text if it is valid UTF-8.
pub(crate) enum Data {
    Text(Text),
    Bytes(Vec<u8>),
}

impl Data {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Data::Text(text) => text.as_bytes(),
            Data::Bytes(bytes) => bytes,
        }
    }
}

/// All pairs of a generator: env files, then literals, then files; a key may come once.
pub(crate) fn read(cx: &Context<'_>, target: &Target, args: &GeneratorArgs) -> Result<Vec<KeyValue>> {
    let mut pairs = Vec::new();
    for path in &args.envs {
        env_file(cx, target, path, &mut pairs)?;
    }
    for literal in &args.literals {
        pairs.push(parse_literal(literal)?);
    }
    for source in &args.files {
        pairs.push(file(cx, target, source)?);
    }
    let mut known = hashbrown::HashMap::new();
    for pair in &pairs {
        if let Some(first) = known.insert(pair.key.clone(), pair.mark) {
            let message = format!("configmap {} illegally repeats the key `{}`", args.name, pair.key);
            return Err(BuildError::new(ErrorKind::Config, pair.mark, message).related(first, "the first"));
        }
    }
    Ok(pairs)
}

fn parse_literal(literal: &Str) -> Result<KeyValue> {
    match literal.split_once('=') {
        Some((key, value)) if !key.is_empty() => {
            let quoted = |quote: char| value.strip_prefix(quote)?.strip_suffix(quote);
            let value = quoted('"').or_else(|| quoted('\'')).unwrap_or(value);
            Ok(KeyValue {
                key: key.into(),
                value: Data::Text(value.into()),
                mark: literal.mark,
            })
        }
        _ => {
            let message = format!("invalid literal source {}, expected key=value", literal.text);
            Err(BuildError::new(ErrorKind::Config, literal.mark, message))
        }
    }
}

fn file(cx: &Context<'_>, target: &Target, source: &Str) -> Result<KeyValue> {
    let fail = |message: String| Err(BuildError::new(ErrorKind::Config, source.mark, message));
    let (key, path) = match source.split_once('=') {
        None => (
            source.trim_end_matches('/').rsplit('/').next().unwrap_or_default(),
            &**source,
        ),
        Some((_, path)) if path.contains('=') => {
            return fail(format!("source \"{}\" key name or file path contains '='", source.text));
        }
        Some(("", path)) => {
            return fail(format!(
                "missing key name for file path \"{path}\" in source \"{}\"",
                source.text
            ));
        }
        Some((key, "")) => {
            return fail(format!(
                "missing file path for key name \"{key}\" in source \"{}\"",
                source.text
            ));
        }
        Some((key, path)) => (key, path),
    };
    let path = Str {
        text: path.into(),
        ..source.clone()
    };
    let (bytes, name) = target.read(cx, &path)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) => {
            let source = cx.session.sources().add(name, text);
            let text = Text::slice(&source, 0..source.text().len());
            KeyValue {
                key: key.into(),
                value: Data::Text(text),
                mark: source.mark(0),
            }
        }
        Err(error) => KeyValue {
            key: key.into(),
            value: Data::Bytes(error.into_bytes()),
            mark: path.mark,
        },
    })
}

/// The pairs of an env file: lines of `KEY=value`, and comments.
pub(crate) fn env_file(cx: &Context<'_>, target: &Target, path: &Str, pairs: &mut Vec<KeyValue>) -> Result<()> {
    let (bytes, name) = target.read(cx, path)?;
    let (text, invalid_at) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
        }
    };
    let source = cx.session.sources().add(name, text);
    let text = source.text();
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let end = start + line.len();
        let line = line.strip_suffix('\n').unwrap_or(line);
        if line.len() >= LINE_LIMIT {
            break;
        }
        if let Some(at) = invalid_at.filter(|at| (start..end).contains(at)) {
            let message = format!("line {} of the env file has bytes that are not UTF-8", number + 1);
            return Err(BuildError::new(ErrorKind::Syntax, source.mark(at), message)
                .related(path.mark, "read because of this line"));
        }
        let line = line.strip_suffix('\r').unwrap_or(line);
        let line = if number == 0 {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        } else {
            line
        };
        let line = line.trim_start_matches(is_space);
        if !line.is_empty() && !line.starts_with('#') {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            if !key.is_empty() {
                // An empty value may stand nowhere in the text: its line is its place.
                let at = if value.is_empty() {
                    start
                } else {
                    value.as_ptr() as usize - text.as_ptr() as usize
                };
                pairs.push(KeyValue {
                    key: key.into(),
                    value: Data::Text(value.into()),
                    mark: source.mark(at),
                });
            }
        }
        start = end;
    }
    Ok(())
}

/// Go's `unicode.IsSpace`.
fn is_space(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\u{b}' | '\u{c}' | '\r' | ' ' | '\u{85}' | '\u{a0}')
        || (c > '\u{ff}' && c.is_whitespace())
}
