//! Which styles a text can be written in: libyaml's analysis of scalars, as go-yaml's emitters do it.
//!
//! v2 and v3 differ in one point: a tab keeps v2 from every style but double quotes, v3 only from plain
//! and single quotes. (emitterc.go of go.yaml.in/yaml)

use crate::number::Dialect;

/// The styles that can hold a text.
pub(super) struct Analysis {
    pub(super) multiline: bool,
    pub(super) flow_plain: bool,
    pub(super) block_plain: bool,
    pub(super) single_quoted: bool,
    pub(super) block: bool,
}

/// Whether go-yaml's emitters write a character as it is.
pub(super) fn is_printable(character: char) -> bool {
    matches!(character,
        '\n' | '\u{20}'..='\u{7E}' | '\u{A0}'..='\u{D7FF}' | '\u{E000}'..='\u{FEFE}' | '\u{FF00}'..='\u{FFFD}')
}

/// Whether a text is on one line and of nothing but printable ASCII.
#[inline]
pub(super) fn is_printable_ascii(text: &str) -> bool {
    text.bytes().fold(true, |all, byte| all & (0x20..0x7F).contains(&byte))
}

pub(super) fn is_break(character: char) -> bool {
    matches!(character, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether yaml v2 can write a text as a literal block: [`analyze`] for the one question that long texts raise.
pub(super) fn fits_block(text: &str) -> bool {
    let ordinary = text
        .bytes()
        .fold(true, |ordinary, byte| ordinary & matches!(byte, 0x20..=0x7E | b'\n'));
    if text.is_empty() || !ordinary {
        return analyze(text, Dialect::V2).block;
    }
    !text.ends_with(' ') && memchr::memmem::find(text.as_bytes(), b" \n").is_none()
}

pub(super) fn analyze(text: &str, dialect: Dialect) -> Analysis {
    if text.is_empty() {
        return Analysis {
            multiline: false,
            flow_plain: false,
            block_plain: true,
            single_quoted: true,
            block: false,
        };
    }
    let marker = text.starts_with("---") || text.starts_with("...");
    let (mut block_indicators, mut flow_indicators) = (marker, marker);
    let (mut line_breaks, mut special, mut tabs) = (false, false, false);
    let (mut break_space, mut space_break) = (false, false);
    let (mut after_white, mut after_space, mut after_break) = (true, false, false);
    let mut characters = text.chars().peekable();
    let mut first = true;
    while let Some(character) = characters.next() {
        let before_white = characters.peek().is_none_or(|&next| next == ' ' || next == '\t');
        match character {
            '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`' if first => {
                flow_indicators = true;
                block_indicators = true;
            }
            '?' | ':' if first => {
                flow_indicators = true;
                block_indicators |= before_white;
            }
            '-' if first => {
                flow_indicators |= before_white;
                block_indicators |= before_white;
            }
            ',' | '?' | '[' | ']' | '{' | '}' => flow_indicators = true,
            ':' => {
                flow_indicators = true;
                block_indicators |= before_white;
            }
            '#' if after_white => {
                flow_indicators = true;
                block_indicators = true;
            }
            _ => {}
        }
        if character == '\t' && dialect == Dialect::V3 {
            tabs = true;
        } else if !is_printable(character) {
            special = true;
        }
        if character == ' ' {
            break_space |= after_break;
        } else if is_break(character) {
            line_breaks = true;
            space_break |= after_space;
        }
        after_space = character == ' ';
        after_break = is_break(character);
        after_white = after_space || after_break || matches!(character, '\t' | '\0');
        first = false;
    }
    let edge = |character: char| character == ' ' || is_break(character);
    let open_edge = text.starts_with(edge) || text.ends_with(edge);
    let odd = break_space || space_break || special || tabs;
    let plain = !open_edge && !odd && !line_breaks;
    Analysis {
        multiline: line_breaks,
        flow_plain: plain && !flow_indicators,
        block_plain: plain && !block_indicators,
        single_quoted: !odd,
        block: !text.ends_with(' ') && !space_break && !special,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_text_that_fits_a_block_is_analyzed_so(text in "[a-z \n]{0,12}[a \n\té\u{85}]{0,3}") {
            prop_assert_eq!(fits_block(&text), analyze(&text, Dialect::V2).block);
        }
    }
}
