//! Comments of a YAML text, put back into what go-yaml v3 prints of its tree.
//!
//! Trees hold no comments, but go-yaml keeps them when kustomize writes a value into YAML inside a field.
//! The text is compared line by line with what is printed of the same tree, which tells the comments from
//! the content; then each comment goes to its line in the changed text. Blank lines go where go-yaml lets
//! them go.

/// A content line as it was written, with the comments around it.
#[derive(Default)]
struct Line {
    /// Groups of comment lines above it, each with its column; blank lines stood between the groups.
    above: Vec<Group>,
    blank_before_first: bool,
    blank_after_last: bool,
    /// The column of the content.
    column: usize,
    /// The comment behind it, with its `#`.
    behind: Option<String>,
}

struct Group {
    column: usize,
    lines: Vec<String>,
}

/// Puts the comments of `old` into `changed`. `printed` is what is printed of the tree of `old`. `None` if
/// the lines of the texts cannot be matched.
pub(crate) fn restore(old: &str, printed: &str, changed: &str) -> Option<String> {
    let lines: Vec<&str> = printed.lines().collect();
    let comments = collect(old, &lines)?;
    let changed_lines: Vec<&str> = changed.lines().collect();
    let same = |(a, b): &(&&str, &&str)| a == b;
    let ahead = lines.iter().zip(&changed_lines).take_while(same).count();
    let rest = lines.len().min(changed_lines.len()) - ahead;
    let behind = lines
        .iter()
        .rev()
        .zip(changed_lines.iter().rev())
        .take(rest)
        .take_while(same)
        .count();
    // The line of the old text that a line of the new one stands for.
    let origin = |at: usize| {
        if lines.len() == changed_lines.len() || at < ahead {
            Some(at)
        } else if at + behind >= changed_lines.len() {
            Some(at + lines.len() - changed_lines.len())
        } else {
            None
        }
    };
    let mut out = String::with_capacity(old.len());
    for (at, line) in changed_lines.iter().enumerate() {
        if let Some(from) = origin(at) {
            let before = at.checked_sub(1).map(|before| changed_lines[before]);
            write_above(&comments[from], before, line, &mut out);
        }
        out.push_str(line);
        if let Some(comment) = origin(at).and_then(|from| comments[from].behind.as_ref()) {
            out.push(' ');
            out.push_str(comment);
        }
        out.push('\n');
    }
    write_end(comments.last()?, &mut out);
    Some(out)
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn write_group(group: &Group, indent: usize, out: &mut String) {
    for line in &group.lines {
        out.extend(std::iter::repeat_n(' ', indent));
        out.push_str(line);
        out.push('\n');
    }
}

/// Comments between two lines: those deeper than the line below, or set off from it alone, belong to the
/// line above.
fn write_above(comments: &Line, before: Option<&str>, line: &str, out: &mut String) {
    let here = indentation(line);
    for (at, group) in comments.above.iter().enumerate() {
        let is_first = at == 0;
        let is_last = at + 1 == comments.above.len();
        let blank_after = !is_last || comments.blank_after_last;
        let Some(before) = before else {
            write_group(group, here, out);
            if blank_after {
                out.push('\n');
            }
            continue;
        };
        let there = indentation(before);
        let opens = before.ends_with(':') && (here > there || line[here..].starts_with("- "));
        if group.column > comments.column {
            write_group(group, there, out);
            if before[there..].starts_with("- ") {
                out.push('\n');
            }
        } else {
            write_group(group, here, out);
            if blank_after && (!is_last || (is_first && !comments.blank_before_first && there >= here && !opens)) {
                out.push('\n');
            }
        }
    }
}

fn write_end(end: &Line, out: &mut String) {
    for (at, group) in end.above.iter().enumerate() {
        if at > 0 || end.blank_before_first {
            out.push('\n');
        }
        write_group(group, group.column, out);
    }
}

/// The comments at each printed line, and those at the end.
fn collect(old: &str, printed: &[&str]) -> Option<Vec<Line>> {
    let mut lines = Vec::with_capacity(printed.len() + 1);
    let mut next = Line::default();
    let mut blank = false;
    let mut expected = printed.iter();
    let mut wanted = expected.next();
    for line in old.lines() {
        let content = line.trim();
        let matched = wanted.and_then(|wanted| matches_line(content, wanted));
        if let Some(comment) = matched {
            next.behind = comment;
            next.column = indentation(line);
            next.blank_after_last = blank;
            lines.push(std::mem::take(&mut next));
            blank = false;
            wanted = expected.next();
        } else if content.is_empty() {
            blank = true;
        } else if content.starts_with('#') {
            let column = indentation(line);
            if next.above.is_empty() {
                next.blank_before_first = blank;
            }
            match next.above.last_mut().filter(|group| !blank && group.column == column) {
                Some(group) => group.lines.push(content.to_owned()),
                None => next.above.push(Group {
                    column,
                    lines: vec![content.to_owned()],
                }),
            }
            blank = false;
        } else if !matches!(content, "---" | "...") {
            return None;
        }
    }
    lines.push(next);
    wanted.is_none().then_some(lines)
}

/// Whether a line of the old text is a printed line; the comment behind it, if there is one.
fn matches_line(content: &str, printed: &str) -> Option<Option<String>> {
    let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let printed = squeeze(printed);
    if squeeze(content) == printed {
        return Some(None);
    }
    let starts = content.match_indices(" #").map(|(at, _)| at);
    let at = starts.into_iter().find(|&at| squeeze(&content[..at]) == printed)?;
    Some(Some(content[at + 1..].trim().to_owned()))
}
