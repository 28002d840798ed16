//! Changes inside `[…]` and `{…}`: the commas, and elements with a line of their own.

use std::ops::Range;

use super::Splice;
use super::render::Manner;

/// Adds an element behind the last one. `open` is the place of the bracket, `spans` are the elements.
pub(super) fn append(text: &str, open: usize, spans: &[Range<usize>], new: &str, manner: Manner) -> Vec<Splice> {
    let Some(last) = spans.last() else {
        return vec![(open + 1..open + 1, new.to_owned())];
    };
    let comma = comma_after(text, last.end);
    let behind = comma.map_or(last.end, |comma| comma + 1);
    if !owns_line(text, last, behind) {
        return vec![match comma {
            Some(_) => (behind..behind, format!(" {new},")),
            None => (behind..behind, format!(", {new}")),
        }];
    }
    let line = manner.line(last.start - line_start(text, last.start));
    let end = line_end(text, behind);
    match comma {
        Some(_) => vec![(end..end, format!("{line}{new},"))],
        None if end == behind => vec![(end..end, format!(",{line}{new}"))],
        None => vec![(behind..behind, ",".to_owned()), (end..end, format!("{line}{new}"))],
    }
}

/// Takes an element away, with the comma that belongs to it.
pub(super) fn remove(text: &str, spans: &[Range<usize>], index: usize) -> Vec<Splice> {
    let Some(span) = spans.get(index) else {
        return Vec::new();
    };
    let cut = |range: Range<usize>| (range, String::new());
    let comma = comma_after(text, span.end);
    let behind = comma.map_or(span.end, |comma| comma + 1);
    let comma_before = (index > 0).then(|| comma_after(text, spans[index - 1].end)).flatten();
    if owns_line(text, span, behind) {
        let lines = line_start(text, span.start)..text[behind..].find('\n').map_or(text.len(), |at| behind + at + 1);
        return match (comma, comma_before) {
            (None, Some(before)) => vec![cut(before..before + 1), cut(lines)],
            _ => vec![cut(lines)],
        };
    }
    vec![cut(match (comma, comma_before, spans.get(index + 1)) {
        (Some(_), _, Some(next)) if !text[behind..next.start].contains(['\n', '#']) => span.start..next.start,
        (Some(_), Some(before), None) => before + 1..behind,
        (None, Some(_), _) => spans[index - 1].end..span.end,
        _ => span.start..behind,
    })]
}

/// The comma that comes next, white space and comments apart.
fn comma_after(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut pos = from;
    loop {
        match bytes.get(pos)? {
            b' ' | b'\t' | b'\n' | b'\r' => pos += 1,
            b'#' => pos += text[pos..].find('\n')?,
            b',' => return Some(pos),
            _ => return None,
        }
    }
}

/// Whether nothing but an element, and a comment behind it, stands on its lines.
fn owns_line(text: &str, span: &Range<usize>, behind: usize) -> bool {
    let rest = text[behind..line_end(text, behind)].trim_start();
    text[line_start(text, span.start)..span.start].trim().is_empty() && (rest.is_empty() || rest.starts_with('#'))
}

fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
    if end > at && text[..end].ends_with('\r') {
        end - 1
    } else {
        end
    }
}
