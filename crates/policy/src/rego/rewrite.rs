//! Rego in the words that the engine reads as OPA does.
//!
//! Three things differ between `regorus` 0.14 and OPA, and each has another spelling that both understand:
//!
//! - A bracket at the start of a line belongs to a new expression; the engine takes it for the arguments of
//!   the line before. A semicolon ends that line.
//! - `head { … } { … }` is a rule with two bodies; the engine knows one. The head is repeated.
//! - An argument that is not defined makes `not f(a.b)` undefined, because OPA evaluates arguments before the
//!   negation (`rewriteDynamics` of its compiler); for the engine it is true. The argument gets a name
//!   before the negation.
//!
//! Lines stay where they are, so that places in messages hold.

/// The same program.
pub(super) fn rewrite(text: &str) -> String {
    let pieces = pieces(text);
    let mut out = Writer::default();
    for (at, piece) in pieces.iter().enumerate() {
        out.piece(&pieces, at, piece);
    }
    out.text
}

/// A part of the text: a token, or what stands between tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'t> {
    pub(super) kind: Kind,
    pub(super) text: &'t str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Blank,
    NewLine,
    Comment,
    /// A name, a number or a string.
    Word,
    /// One sign.
    Sign,
}

/// The text in parts.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end_of = |pattern: fn(char) -> bool| rest.find(pattern).unwrap_or(rest.len());
        let (kind, end) = match first {
            '\n' => (Kind::NewLine, 1),
            ' ' | '\t' | '\r' => (Kind::Blank, end_of(|c| !matches!(c, ' ' | '\t' | '\r'))),
            '#' => (Kind::Comment, end_of(|c| c == '\n')),
            '"' => (Kind::Word, string_end(rest)),
            '`' => (Kind::Word, rest[1..].find('`').map_or(rest.len(), |at| at + 2)),
            c if c.is_alphanumeric() || c == '_' => (Kind::Word, end_of(|c| !c.is_alphanumeric() && c != '_')),
            c => (Kind::Sign, c.len_utf8()),
        };
        let (text, after) = rest.split_at(end);
        pieces.push(Piece { kind, text });
        rest = after;
    }
    pieces
}

fn string_end(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '"' | '\n' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// What was written so far, and where it stands in the program.
#[derive(Default)]
struct Writer<'t> {
    text: String,
    /// The brackets that are open, and whether each is the body of a rule.
    open: Vec<bool>,
    /// The last token.
    last: Option<Piece<'t>>,
    /// Whether a line ended since the last token.
    is_new_line: bool,
    /// The head of the rule, from the start of its line.
    head: Vec<Piece<'t>>,
    /// The last token closed the body of a rule.
    is_after_body: bool,
    /// Positions of pieces that are replaced, and by what.
    replaced: Vec<(usize, usize, String)>,
    names: usize,
}

impl<'t> Writer<'t> {
    fn piece(&mut self, pieces: &[Piece<'t>], at: usize, piece: &Piece<'t>) {
        if let Some((_, _, text)) = self.replaced.iter().find(|(from, to, _)| (*from..*to).contains(&at)) {
            // The name stands where the argument began.
            if self.replaced.iter().any(|(from, _, _)| *from == at) {
                let text = text.clone();
                self.text.push_str(&text);
            }
            return;
        }
        match piece.kind {
            Kind::NewLine => self.is_new_line = true,
            Kind::Blank | Kind::Comment => {}
            Kind::Word | Kind::Sign => self.token(pieces, at, *piece),
        }
        self.text.push_str(piece.text);
        if !self.open.contains(&true) && !self.is_after_body {
            self.head.push(*piece);
        }
    }

    fn token(&mut self, pieces: &[Piece<'t>], at: usize, piece: Piece<'t>) {
        let ends_expression = self
            .last
            .is_some_and(|last| last.kind == Kind::Word || matches!(last.text, ")" | "]" | "}"));
        let is_keyword = self
            .last
            .is_some_and(|last| matches!(last.text, "not" | "some" | "in" | "if" | "contains" | "else" | "every"));
        if self.is_new_line
            && matches!(piece.text, "(" | "[")
            && ends_expression
            && !is_keyword
            && !self.open.is_empty()
        {
            self.text.push(';');
        }
        if self.is_new_line && self.open.is_empty() && !matches!(piece.text, "{" | "else") {
            self.head.clear();
        }
        if piece.text == "not" && piece.kind == Kind::Word {
            self.name_arguments(pieces, at);
        }
        match piece.text {
            "{" | "[" | "(" if piece.kind == Kind::Sign => {
                let is_top = self.open.is_empty();
                let is_value = self.last.is_some_and(|last| matches!(last.text, "=" | ":"));
                let is_body = is_top && piece.text == "{" && !is_value;
                if is_body && self.is_after_body {
                    let head: String = self
                        .head
                        .iter()
                        .filter(|piece| piece.kind != Kind::NewLine && piece.kind != Kind::Comment)
                        .map(|piece| piece.text)
                        .collect();
                    self.text.push_str(head.trim());
                    self.text.push(' ');
                }
                self.is_after_body = false;
                self.open.push(is_body);
            }
            "}" | "]" | ")" if piece.kind == Kind::Sign => {
                let was_body = self.open.pop() == Some(true);
                self.is_after_body = was_body && self.open.is_empty();
            }
            _ => {
                if self.open.is_empty() && self.is_after_body {
                    // `else` goes on; anything else begins another rule.
                    self.is_after_body = false;
                    self.head.clear();
                }
            }
        }
        self.last = Some(piece);
        self.is_new_line = false;
    }

    /// `not f(a.b)` becomes `name := a.b; not f(name)`.
    fn name_arguments(&mut self, pieces: &[Piece<'t>], not: usize) {
        let Some(call) = Call::after(pieces, not) else {
            return;
        };
        for (from, to) in call.arguments {
            let text: String = pieces[from..to].iter().map(|piece| piece.text).collect();
            if is_reference(text.trim()) {
                self.names += 1;
                let name = format!("__argument{}", self.names);
                self.text.push_str(&format!("{name} := {}; ", text.trim()));
                self.replaced.push((from, to, name));
            }
        }
    }
}

/// A call that is the whole of a negated expression; the arguments as ranges of pieces.
struct Call {
    arguments: Vec<(usize, usize)>,
}

impl Call {
    fn after(pieces: &[Piece<'_>], not: usize) -> Option<Call> {
        let mut at = not + 1;
        while pieces.get(at)?.kind == Kind::Blank {
            at += 1;
        }
        let start = at;
        while pieces
            .get(at)
            .is_some_and(|piece| piece.kind == Kind::Word || piece.text == ".")
        {
            at += 1;
        }
        if at == start || pieces.get(at)?.text != "(" {
            return None;
        }
        let mut depth = 0_usize;
        let mut arguments = Vec::new();
        let mut from = at + 1;
        loop {
            let piece = pieces.get(at)?;
            match (piece.kind, piece.text) {
                (Kind::Sign, "(" | "[" | "{") => depth += 1,
                (Kind::Sign, ")" | "]" | "}") => {
                    depth -= 1;
                    if depth == 0 {
                        arguments.push((from, at));
                        break;
                    }
                }
                (Kind::Sign, ",") if depth == 1 => {
                    arguments.push((from, at));
                    from = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        // Leading blanks stay where they are.
        for argument in &mut arguments {
            while argument.0 < argument.1 && matches!(pieces[argument.0].kind, Kind::Blank | Kind::NewLine) {
                argument.0 += 1;
            }
        }
        let next = pieces[at + 1..].iter().find(|piece| piece.kind != Kind::Blank);
        let is_whole = next.is_none_or(|next| {
            matches!(next.kind, Kind::NewLine | Kind::Comment) || matches!(next.text, ";" | "}" | "]")
        });
        is_whole.then_some(Call { arguments })
    }
}

/// `a.b`, `a[b].c`: a name with fields, and nothing else.
fn is_reference(text: &str) -> bool {
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let is_plain = text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_.[]\"-/".contains(c));
    starts && is_plain && text.contains(['.', '['])
}

#[cfg(test)]
mod tests {
    use super::rewrite;

    #[test]
    fn what_differs_is_spelled_out() {
        let table = [
            ("p {\n  x\n  (1 + 2) > 1\n}\n", "p {\n  x\n  ;(1 + 2) > 1\n}\n"),
            ("p {\n  x := (1 +\n    (2))\n}\n", "p {\n  x := (1 +\n    (2))\n}\n"),
            ("p {\n  f(x)\n  [a] = y\n}", "p {\n  f(x)\n  ;[a] = y\n}"),
            ("f(\n  [1],\n  (2))", "f(\n  [1],\n  (2))"),
            (
                "v[{\"m\": m}] { # one\n a\n} {\n b\n}\nw { c }",
                "v[{\"m\": m}] { # one\n a\n} v[{\"m\": m}] {\n b\n}\nw { c }",
            ),
            ("x = {\"a\": 1} { y }\nz = {1}\n", "x = {\"a\": 1} { y }\nz = {1}\n"),
            ("p { a } else = b { c }\n", "p { a } else = b { c }\n"),
            (
                "p { not f(a, b.c, d[_].e) }",
                "p { __argument1 := b.c; __argument2 := d[_].e; not f(a, __argument1, __argument2) }",
            ),
            ("p { not f(a.b) == 1 }", "p { not f(a.b) == 1 }"),
            ("p { not f(a) with input as b.c }", "p { not f(a) with input as b.c }"),
            ("p { not a.b }", "p { not a.b }"),
            ("p { x == \"not f(a.b)\" } # } {", "p { x == \"not f(a.b)\" } # } {"),
        ];
        for (text, expected) in table {
            assert_eq!(rewrite(text), expected, "{text}");
        }
    }
}
