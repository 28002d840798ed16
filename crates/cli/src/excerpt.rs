//! From a mark to the lines a person should see: the outermost file, the lines around the place, the
//! bytes of the token there. Only those lines are copied, cut where they are long, without the values of
//! secrets, with control characters made visible, so that no file can write to the terminal.

use std::borrow::Cow;
use std::ops::Range;

use yaml::{Mark, Place, Sources};

use crate::hidden::Hidden;

/// Lines shown before and after the marked one.
const CONTEXT: u32 = 1;
/// Characters of a line that are shown.
const WIDTH: usize = 120;
/// Characters before the place that are kept of a line that is cut.
const LEAD: usize = 40;

/// A few lines of a file with one token marked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    pub(crate) place: Place,
    /// Number of the first line in `text`, from 1.
    pub(crate) first_line: usize,
    pub(crate) text: String,
    /// Bytes of `text` that are marked.
    pub(crate) span: Range<usize>,
    /// Whether the marked line is shown from its beginning.
    pub(crate) is_whole: bool,
}

impl Excerpt {
    /// The place alone, without its lines.
    pub(crate) fn place_only(sources: &Sources, mark: Mark) -> Option<Excerpt> {
        Some(Excerpt {
            place: sources.place(mark)?,
            first_line: 1,
            text: String::new(),
            span: 0..0,
            is_whole: false,
        })
    }
}

/// The lines around a mark, if it names a place that has text.
pub(crate) fn excerpt(sources: &Sources, mark: Mark, hidden: &Hidden) -> Option<Excerpt> {
    let source = sources.get(mark.source)?;
    let place = source.place(mark.offset);
    let first = place.line.saturating_sub(CONTEXT).max(1);
    let file = source.file();
    let lines = file.lines(first as usize - 1, (place.line - first + 1 + CONTEXT) as usize);
    let at = (place.line - first) as usize;
    let lines = hidden.mask(file, first as usize - 1, &lines);
    let marked = lines.get(at)?;
    // In a line that is hidden, the place may be past its end.
    let column = (place.column as usize - 1).min(marked.chars().count());
    let start = if marked.chars().nth(WIDTH).is_none() {
        0
    } else {
        column.saturating_sub(LEAD)
    };
    let length = token_length(marked, column);
    let mut text = String::new();
    let mut span = 0..0;
    for (index, line) in lines.iter().enumerate() {
        if index > at && line.trim().is_empty() {
            break;
        }
        let cut = Cut::of(line, start);
        if index == at {
            let mark = cut.byte_of(column)..cut.byte_of(column + length);
            span = text.len() + mark.start..text.len() + mark.end;
        }
        text.push_str(&cut.text);
        text.push('\n');
    }
    text.pop();
    Some(Excerpt {
        place,
        first_line: first as usize,
        text,
        span,
        is_whole: start == 0,
    })
}

/// What is shown of a line.
struct Cut {
    text: String,
    /// First character of the line that is shown.
    start: usize,
}

impl Cut {
    fn of(line: &str, start: usize) -> Cut {
        let line = line.trim_end();
        let mut characters = line.chars().skip(start);
        let mut text: String = characters.by_ref().take(WIDTH).map(visible_char).collect();
        if start > 0 && !text.is_empty() {
            text.insert(0, '…');
        }
        if characters.next().is_some() {
            text.push('…');
        }
        Cut { text, start }
    }

    /// The byte in the shown text of a character of the line.
    fn byte_of(&self, column: usize) -> usize {
        let shown = column.saturating_sub(self.start) + usize::from(self.start > 0);
        self.text
            .char_indices()
            .nth(shown)
            .map_or(self.text.len(), |(byte, _)| byte)
    }
}

/// How many characters of a line the token at a column has.
fn token_length(line: &str, column: usize) -> usize {
    let rest: Vec<char> = line.trim_end().chars().skip(column).take(WIDTH).collect();
    let before = |end: usize| {
        rest[..end]
            .iter()
            .rposition(|c| !c.is_whitespace())
            .map_or(0, |last| last + 1)
    };
    match rest.first() {
        None => 0,
        Some(&quote @ ('"' | '\'')) => {
            let mut escaped = false;
            let close = rest.iter().skip(1).position(|&c| {
                let closes = c == quote && !escaped;
                escaped = c == '\\' && quote == '"' && !escaped;
                closes
            });
            close.map_or(rest.len(), |close| close + 2)
        }
        Some(_) => {
            let is_flow = line.chars().take(column).any(|c| matches!(c, '{' | '['));
            let ends = (1..rest.len()).find(|&at| {
                let next_is_space = rest.get(at + 1).is_none_or(|c| c.is_whitespace());
                (rest[at] == ':' && next_is_space)
                    || (rest[at] == '#' && rest[at - 1].is_whitespace())
                    || (is_flow && matches!(rest[at], ',' | '}' | ']'))
            });
            before(ends.unwrap_or(rest.len()))
        }
    }
}

/// Text from a file or a path, with everything that a terminal would act on made visible.
pub(crate) fn visible(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == visible_char(c)) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.chars().map(visible_char).collect())
    }
}

/// The same for a message, which may have several lines.
pub(crate) fn visible_lines(text: &str) -> String {
    text.lines().map(visible).collect::<Vec<_>>().join("\n")
}

fn visible_char(c: char) -> char {
    match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}'),
        '\x7f' => '\u{2421}',
        // C1 controls, marks without width or that turn the direction of the text, line separators.
        '\u{80}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use yaml::Host;

    fn marked(text: &str, offset: usize) -> (String, String) {
        let sources = Sources::new();
        let source = sources.add("a.yaml", text.to_owned());
        let excerpt = excerpt(&sources, source.mark(offset), &Hidden::default()).unwrap();
        (excerpt.text[excerpt.span.clone()].to_owned(), excerpt.text)
    }

    fn token(text: &str, offset: usize) -> String {
        marked(text, offset).0
    }

    #[test]
    fn marks_tokens() {
        assert_eq!(token("a: b c # d\n", 3), "b c");
        assert_eq!(token("a: b c # d\n", 0), "a");
        assert_eq!(token("a: \"b # c\" # d\n", 3), "\"b # c\"");
        assert_eq!(token("a: {b: c, d: e}\n", 7), "c");
        assert_eq!(token("image: a:v1\n", 7), "a:v1");
        assert_eq!(token("a: é x\n", 3), "é x");
        assert_eq!(token("", 0), "");
        assert_eq!(token("a:\n", 2), "");
        assert_eq!(token("a: b\n", 99), "");
    }

    #[test]
    fn shows_lines_around() {
        assert_eq!(marked("a: 1\nb: 2\nc: 3\nd: 4\n", 10).1, "b: 2\nc: 3\nd: 4");
        assert_eq!(marked("a: 1\n\nb: 2\n", 0).1, "a: 1");
    }

    #[test]
    fn cuts_long_lines() {
        let line = format!("a: {}X: {}", "b".repeat(500), "c".repeat(500));
        let (token, text) = marked(&line, 503);
        assert_eq!(token, "X");
        assert!(text.starts_with("…b") && text.ends_with("c…") && text.chars().count() == WIDTH + 2);
    }

    #[test]
    fn makes_control_characters_visible() {
        let (token, text) = marked("a: \x1b[31mred\u{202e}\tz\n", 3);
        assert_eq!(token, "␛[31mred\u{fffd}␉z");
        assert_eq!(text, "a: ␛[31mred\u{fffd}␉z");
    }

    #[test]
    fn shows_the_file_of_an_embedded_text() {
        let sources = Sources::new();
        let file = sources.add(
            "k.yaml",
            "patches:\n- patch: |-\n    - op: x\n      path: /y\n".to_owned(),
        );
        let host = Host {
            source: file,
            first_line: 2,
            indent: 4,
        };
        let inner = sources.add_embedded("k.yaml (patches[0])", "- op: x\n  path: /y".to_owned(), host);
        let excerpt = excerpt(&sources, inner.mark(16), &Hidden::default()).unwrap();
        assert_eq!(excerpt.place.to_string(), "k.yaml:4:13");
        assert_eq!(excerpt.text, "    - op: x\n      path: /y");
        assert_eq!(&excerpt.text[excerpt.span], "/y");
    }
}
