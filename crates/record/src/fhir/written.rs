//! JSON as it was written: text that is cut at its commas and never read into numbers or strings.
//!
//! The functions take text that [`super::json`] has accepted. White space between tokens says
//! nothing (RFC 8259, section 2) and is left out; digits, escapes and the order of members stay.

use std::borrow::Cow;

/// `text` without the white space between its tokens.
pub(crate) fn minify(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    scan(text, |part| match part {
        Part::Blank(_) => {}
        Part::Mark(mark) => out.push(mark),
        Part::Token(token) => out.push_str(token),
    });
    out
}

/// `text` with one member or item a line, two blanks a level. Every token stays as it is.
pub fn pretty(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    let mut level = 0_usize;
    let mut opened = false;
    scan(text, |part| match part {
        Part::Blank(_) => {}
        Part::Mark(mark @ ('{' | '[')) => {
            start_line(&mut out, level, opened);
            out.push(mark);
            level += 1;
            opened = true;
        }
        Part::Mark(mark @ ('}' | ']')) => {
            level = level.saturating_sub(1);
            if !opened {
                out.push('\n');
                out.push_str(&"  ".repeat(level));
            }
            out.push(mark);
            opened = false;
        }
        Part::Mark(',') => {
            out.push_str(",\n");
            out.push_str(&"  ".repeat(level));
        }
        Part::Mark(mark) => {
            out.push(mark);
            out.push(' ');
        }
        Part::Token(token) => {
            start_line(&mut out, level, opened);
            out.push_str(token);
            opened = false;
        }
    });
    out
}

fn start_line(out: &mut String, level: usize, opened: bool) {
    if opened {
        out.push('\n');
        out.push_str(&"  ".repeat(level));
    }
}

/// The items of an array of minified text.
pub(crate) fn items(array: &str) -> Vec<&str> {
    let inside = array
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inside.map(pieces).unwrap_or_default()
}

/// The members of an object of minified text: name, and value as it is written.
pub(crate) fn members(object: &str) -> Vec<(Cow<'_, str>, &str)> {
    let inside = object
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    let pieces = inside.map(pieces).unwrap_or_default();
    pieces.into_iter().filter_map(member).collect()
}

fn member(piece: &str) -> Option<(Cow<'_, str>, &str)> {
    let end = string_end(piece)?;
    let (quoted, rest) = piece.split_at(end);
    let value = rest.strip_prefix(':')?;
    let plain = quoted.strip_prefix('"')?.strip_suffix('"')?;
    if !plain.contains('\\') {
        return Some((Cow::Borrowed(plain), value));
    }
    let name: String = serde_json::from_str(quoted).ok()?;
    Some((Cow::Owned(name), value))
}

/// `text` cut at the commas that stand in no bracket.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut at, mut level) = (0, 0, 0_usize);
    scan(text, |part| {
        match part {
            Part::Mark('{' | '[') => level += 1,
            Part::Mark('}' | ']') => level = level.saturating_sub(1),
            Part::Mark(',') if level == 0 => {
                pieces.extend(text.get(start..at));
                start = at + 1;
            }
            _ => {}
        }
        at += part.len();
    });
    pieces.extend(text.get(start..).filter(|last| !last.is_empty()));
    pieces
}

enum Part<'a> {
    Blank(char),
    /// One of `{}[]:,`.
    Mark(char),
    /// A string with its quotes, a number or a literal.
    Token(&'a str),
}

impl Part<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Blank(blank) => blank.len_utf8(),
            Self::Mark(mark) => mark.len_utf8(),
            Self::Token(token) => token.len(),
        }
    }
}

fn scan<'a>(text: &'a str, mut tell: impl FnMut(Part<'a>)) {
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            ' ' | '\t' | '\n' | '\r' => {
                tell(Part::Blank(first));
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            '{' | '}' | '[' | ']' | ':' | ',' => {
                tell(Part::Mark(first));
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            '"' => string_end(rest),
            _ => rest.find([' ', '\t', '\n', '\r', '{', '}', '[', ']', ':', ',', '"']),
        };
        let (token, after) = rest.split_at(length.unwrap_or(rest.len()));
        tell(Part::Token(token));
        rest = after;
    }
}

/// Where the string ends that `text` begins with, behind its quote.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    let mut bytes = text.bytes().enumerate();
    bytes.next().filter(|(_, first)| *first == b'"')?;
    for (at, byte) in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{ \"a\" : [ 1.10 , {\"b,\\\"}\" : \"x\\u0041 ,] \" } ],\n \"\\u0063\":{ },\"d\":[ ] , \"e\":-0.0E+2}";

    #[test]
    fn only_white_space_between_tokens_goes() {
        let expected =
            "{\"a\":[1.10,{\"b,\\\"}\":\"x\\u0041 ,] \"}],\"\\u0063\":{},\"d\":[],\"e\":-0.0E+2}";
        assert_eq!(minify(TEXT), expected);
        assert_eq!(minify(&pretty(TEXT)), expected);
    }

    #[test]
    fn pretty_is_laid_out_as_serde_json_does() {
        let value: serde_json::Value = serde_json::from_str(TEXT).unwrap();
        let plain = value.to_string();
        assert_eq!(
            pretty(&plain),
            serde_json::to_string_pretty(&value).unwrap()
        );
        assert!(pretty(TEXT).contains("\"e\": -0.0E+2\n"));
    }

    #[test]
    fn members_and_items_are_cut_at_their_commas() {
        let text = minify(TEXT);
        let members = members(&text);
        let names: Vec<_> = members.iter().map(|(name, _)| name.as_ref()).collect();
        assert_eq!(names, ["a", "c", "d", "e"]);
        assert_eq!(members[3].1, "-0.0E+2");
        assert_eq!(items(members[0].1).len(), 2);
        assert_eq!(items(members[2].1), Vec::<&str>::new());
        assert_eq!(super::members("{}"), []);
    }
}
