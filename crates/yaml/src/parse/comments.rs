//! Comments, kept beside the tokens they are about: where each stood, and whether it heads what follows, stands on
//! the line of a token, or is a foot of what came before. The rules are go-yaml v3's, which decide by empty lines and
//! columns. (`yaml_parser_scan_comments` and around it in scannerc.go)

use std::collections::VecDeque;

use crate::parse::scan::{Kind, Scanner};

/// How far behind a comment the next one is looked for.
const FARTHEST: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Head,
    Line,
    Foot,
}

/// One comment, or several lines of one.
#[derive(Debug)]
pub(super) struct Comment {
    pub(super) role: Role,
    pub(super) text: String,
    /// The offset of the token it is about.
    pub(super) about: usize,
    /// Where it begins, and its column counted from 1; that of a comment behind a token is not known.
    start: usize,
    column: usize,
    end: usize,
    /// Where the blank space around it begins.
    scanned_from: usize,
}

/// The comments that no token was given yet, in the order of the text.
#[derive(Debug)]
pub(super) struct Comments {
    waiting: VecDeque<Comment>,
    /// Where the text begins that is read.
    from: usize,
}

impl Comments {
    pub(super) fn new(from: usize) -> Comments {
        Comments {
            waiting: VecDeque::new(),
            from,
        }
    }

    /// The next comment, if it is about a token at or before an offset.
    pub(super) fn next_before(&self, at: usize) -> Option<&Comment> {
        self.waiting.front().filter(|comment| comment.about <= at)
    }

    pub(super) fn take(&mut self) -> Option<Comment> {
        self.waiting.pop_front()
    }

    /// Where a block of this indentation ends: before the comments in its column that follow it.
    pub(super) fn end_of_block(&self, indent: isize, mut place: isize) -> isize {
        let mut stop = place;
        for comment in self.waiting.iter().rev() {
            if comment.role == Role::Line || (comment.end as isize) < stop {
                break;
            }
            if comment.column as isize == indent + 1 {
                place = comment.start as isize;
            }
            stop = comment.scanned_from as isize;
        }
        place
    }
}

/// A group of comment lines while it is read.
struct Group {
    text: String,
    start: usize,
    line: isize,
    column: usize,
    about: usize,
    scanned_from: usize,
}

impl Scanner<'_> {
    /// The comment from `start` to the present place.
    pub(super) fn keep_line_comment(&mut self, about: usize, start: usize) {
        let text = self.text(start..self.pos).to_owned();
        if let Some(comments) = &mut self.comments {
            comments.waiting.push_back(Comment {
                role: Role::Line,
                text,
                about,
                start,
                column: 0,
                end: 0,
                scanned_from: 0,
            });
        }
    }

    /// A comment behind the first `-` of a list that looks like the head of what is below it becomes that.
    pub(super) fn move_comment_of_entry(&mut self) {
        let (last, before) = self.last_tokens();
        let is_first = matches!(last.map(|token| &token.kind), Some(Kind::Entry))
            && matches!(before.map(|token| &token.kind), Some(Kind::SequenceStart));
        if !is_first || self.break_len(self.pos) > 0 {
            return;
        }
        let (bytes, pos) = (self.bytes, self.pos);
        let Some(comment) = self.comments.as_mut().and_then(|comments| comments.waiting.back_mut()) else {
            return;
        };
        if comment.role == Role::Line {
            comment.role = Role::Head;
            let lines = memchr::memchr_iter(b'\n', &bytes[comment.start..pos]).count();
            if lines == 1 {
                comment.about = pos;
            }
        }
    }

    fn begin(&self) -> usize {
        self.comments.as_ref().map_or(0, |comments| comments.from)
    }

    /// Line breaks between the present place and what is written before it.
    fn newlines_behind(&self) -> isize {
        let behind = self.bytes[self.begin()..self.pos].iter().rev();
        let blank = behind.take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
        blank.filter(|&&byte| byte == b'\n').count() as isize
    }

    /// Reads the comments at the present place and below, as far as nothing else comes between.
    pub(super) fn keep_comments(&mut self, scanned_from: usize) {
        let (last, before) = self.last_tokens();
        let token = match (last, before) {
            (Some(last), Some(before)) if matches!(last.kind, Kind::FlowEntry) => Some(before),
            (last, _) => last,
        };
        let is_value = matches!(token.map(|token| &token.kind), Some(Kind::Value));
        let about = token.map_or(0, |token| token.at);
        let newlines = self.newlines_behind();
        let indent = usize::try_from(self.indent).unwrap_or(0);
        let mut column = self.column();
        // Lines are counted from the present one. The line of a foot is that below what came before.
        let is_behind_first_line = memchr::memchr(b'\n', &self.bytes[self.begin()..scanned_from]).is_some();
        let below_content = isize::from(newlines == 0 && column > 1);
        let foot_line = is_behind_first_line.then_some(1 - newlines + below_content);
        let (mut line, mut true_line) = (0, 0);
        let mut first_empty = newlines <= 1;
        let mut recent_empty = false;
        let mut group = Group {
            text: String::new(),
            start: 0,
            line: 0,
            column: 0,
            about,
            scanned_from,
        };
        let mut ahead = 0;
        while ahead < FARTHEST {
            column += 1;
            let at = self.pos + ahead;
            if self.is_blank(at) {
                ahead += 1;
                continue;
            }
            let byte = self.byte(at);
            let closes = self.flow_level > 0 && matches!(byte, b']' | b'}');
            if closes || self.is_break_or_end(at) {
                if closes || !recent_empty {
                    let is_foot =
                        first_empty && (foot_line == Some(group.line) && !is_value || group.column < indent + 1);
                    if closes || is_foot {
                        if !group.text.is_empty() {
                            if group.column < indent + 1 {
                                group.about = group.start;
                            }
                            self.close_group(&mut group, Role::Foot, at);
                        }
                    } else if !group.text.is_empty() && byte != 0 {
                        group.text.push('\n');
                    }
                }
                if self.break_len(at) == 0 {
                    break;
                }
                first_empty = false;
                recent_empty = true;
                column = 0;
                line += 1;
                ahead += 1;
                continue;
            }
            if !group.text.is_empty() && column < indent + 1 && column != group.column {
                self.close_group(&mut group, Role::Foot, at);
            }
            if byte != b'#' {
                break;
            }
            if group.text.is_empty() {
                (group.start, group.line, group.column) = (at, line, column);
            } else {
                group.text.push('\n');
            }
            recent_empty = false;
            while self.pos < at {
                if self.break_len(self.pos) > 0 {
                    self.skip_line();
                    true_line += 1;
                } else {
                    self.pos += 1;
                }
            }
            self.skip_comment();
            group.text.push_str(self.text(at..self.pos));
            // The break behind the comment is passed over, and not counted as a line.
            ahead = 1;
            column = 0;
            line = true_line;
        }
        if !group.text.is_empty() {
            group.about = group.start;
            let end = (self.pos + ahead).saturating_sub(1);
            self.close_group(&mut group, Role::Head, end);
        }
    }

    fn close_group(&mut self, group: &mut Group, role: Role, end: usize) {
        let comment = Comment {
            role,
            text: std::mem::take(&mut group.text),
            about: group.about,
            start: group.start,
            column: group.column,
            end,
            scanned_from: group.scanned_from,
        };
        (group.scanned_from, group.about) = (end, end);
        if let Some(comments) = &mut self.comments {
            comments.waiting.push_back(comment);
        }
    }
}
