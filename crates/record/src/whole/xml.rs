//! XML 1.0 as documents of CDA use it: well-formed, in UTF-8, and without a DTD, so that nothing in
//! it is an entity of its own, is fetched, or grows.
//!
//! Rules are those of *Extensible Markup Language 1.0* (fifth edition) and *Namespaces in XML 1.0*;
//! names may have any sign that is not ASCII.

use std::borrow::Cow;

use super::Fault;
use crate::media::without_mark;

/// Attributes of one element at most.
const ATTRIBUTES_MAX: usize = 128;
/// Elements in each other at most.
const DEPTH_MAX: usize = 128;

/// What a text is made of, in its order.
#[derive(Debug)]
pub(super) enum Event<'a> {
    /// A start tag, or an element without content: then [`Event::Close`] follows.
    Open(Tag<'a>),
    Close,
    /// Text, its references resolved.
    Text(Cow<'a, str>),
}

#[derive(Debug)]
pub(super) struct Tag<'a> {
    /// With its prefix.
    name: &'a str,
    attributes: Vec<(&'a str, Cow<'a, str>)>,
}

impl<'a> Tag<'a> {
    /// The name without its prefix.
    pub(super) fn name(&self) -> &'a str {
        local(self.name)
    }

    /// The value of an attribute, by its name without a prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(other, _)| local(other) == name && !declares(other))?;
        Some(&found.1)
    }

    /// The name space that the tag itself declares for its element.
    pub(super) fn declared_space(&self) -> Option<&str> {
        let declaration = match self.name.split_once(':') {
            Some((prefix, _)) => format!("xmlns:{prefix}"),
            None => "xmlns".to_owned(),
        };
        let mut attributes = self.attributes.iter();
        let found = attributes.find(|(name, _)| *name == declaration)?;
        Some(&found.1)
    }
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

fn declares(attribute: &str) -> bool {
    attribute == "xmlns" || attribute.starts_with("xmlns:")
}

/// Reads a whole document and tells `each` what it is made of.
pub(super) fn read<'a>(bytes: &'a [u8], each: &mut dyn FnMut(Event<'a>)) -> Result<(), Fault> {
    let text = std::str::from_utf8(without_mark(bytes));
    let text = text.map_err(|_| Fault::whole("is not in UTF-8"))?;
    let mut reader = Reader {
        text,
        rest: text,
        open: Vec::new(),
        rooted: false,
    };
    let outcome = reader.document(each);
    outcome.map_err(|what| Fault {
        line: reader.line(),
        what,
    })
}

struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
    /// Elements that are open, and how many prefixes are bound.
    open: Vec<&'a str>,
    /// Whether the root element was met.
    rooted: bool,
}

type Step<T = ()> = Result<T, &'static str>;

impl<'a> Reader<'a> {
    /// The line that is read.
    fn line(&self) -> u64 {
        let read = self.text.len().saturating_sub(self.rest.len());
        let before = self.text.get(..read).unwrap_or_default();
        before.bytes().filter(|byte| *byte == b'\n').count() as u64 + 1
    }

    fn document(&mut self, each: &mut dyn FnMut(Event<'a>)) -> Step {
        self.declaration()?;
        while !self.rest.is_empty() {
            match self.rest.strip_prefix('<') {
                None => self.words(each)?,
                Some(inside) => self.markup(inside, each)?,
            }
        }
        match (self.rooted, self.open.is_empty()) {
            (false, _) => Err("has no element"),
            (_, false) => Err("ends inside an element"),
            _ => Ok(()),
        }
    }

    fn declaration(&mut self) -> Step {
        let Some(inside) = self.rest.strip_prefix("<?xml") else {
            return Ok(());
        };
        let (declared, rest) = inside
            .split_once("?>")
            .ok_or("has a declaration without an end")?;
        let mut attributes = attributes(declared)?.into_iter();
        let encoding = attributes.find(|(name, _)| *name == "encoding");
        if let Some((_, encoding)) = encoding
            && !["utf-8", "us-ascii"].contains(&encoding.to_ascii_lowercase().as_str())
        {
            return Err("declares another encoding than UTF-8");
        }
        self.rest = rest;
        Ok(())
    }

    fn markup(&mut self, inside: &'a str, each: &mut dyn FnMut(Event<'a>)) -> Step {
        if let Some(comment) = inside.strip_prefix("!--") {
            let (comment, rest) = comment
                .split_once("-->")
                .ok_or("has a comment without an end")?;
            if comment.contains("--") || comment.ends_with('-') {
                return Err("has `--` in a comment");
            }
            signs(comment)?;
            self.rest = rest;
            return Ok(());
        }
        if let Some(data) = inside.strip_prefix("![CDATA[") {
            let (data, rest) = data.split_once("]]>").ok_or("has CDATA without an end")?;
            if self.open.is_empty() {
                return Err("has text outside its element");
            }
            each(Event::Text(signs(data)?.into()));
            self.rest = rest;
            return Ok(());
        }
        if let Some(instruction) = inside.strip_prefix('?') {
            let ended = instruction.split_once("?>");
            let (instruction, rest) = ended.ok_or("has an instruction without an end")?;
            let target = instruction
                .split(char::is_whitespace)
                .next()
                .unwrap_or_default();
            if !is_name(target) || target.eq_ignore_ascii_case("xml") {
                return Err("has an instruction without a name");
            }
            signs(instruction)?;
            self.rest = rest;
            return Ok(());
        }
        if inside.starts_with('!') {
            return Err("has a DTD, which may fetch files and grow without end");
        }
        let end = tag_end(inside).ok_or("has a tag without an end")?;
        let (tag, after) = inside.split_at_checked(end).unwrap_or_default();
        match tag.strip_prefix('/') {
            Some(name) => self.close(name.trim_end_matches(is_space), each)?,
            None => self.open(tag, each)?,
        }
        self.rest = after.strip_prefix('>').unwrap_or_default();
        Ok(())
    }

    fn close(&mut self, name: &str, each: &mut dyn FnMut(Event<'a>)) -> Step {
        if self.open.pop() != Some(name) {
            return Err("has tags that do not match");
        }
        each(Event::Close);
        Ok(())
    }

    fn open(&mut self, tag: &'a str, each: &mut dyn FnMut(Event<'a>)) -> Step {
        let (tag, empty) = match tag.strip_suffix('/') {
            Some(tag) => (tag, true),
            None => (tag, false),
        };
        let end = tag.find(is_space).unwrap_or(tag.len());
        let (name, rest) = tag.split_at_checked(end).unwrap_or_default();
        if !is_name(name) {
            return Err("has a tag without a name");
        }
        if self.open.is_empty() && std::mem::replace(&mut self.rooted, true) {
            return Err("has more than one element outside");
        }
        if self.open.len() >= DEPTH_MAX {
            return Err("has more than 128 elements in each other");
        }
        let attributes = attributes(rest)?;
        each(Event::Open(Tag { name, attributes }));
        if empty {
            each(Event::Close);
        } else {
            self.open.push(name);
        }
        Ok(())
    }

    fn words(&mut self, each: &mut dyn FnMut(Event<'a>)) -> Step {
        let end = self.rest.find('<').unwrap_or(self.rest.len());
        let (words, rest) = self.rest.split_at_checked(end).unwrap_or_default();
        if self.open.is_empty() && !words.trim_matches(is_space).is_empty() {
            return Err("has text outside its element");
        }
        if words.contains("]]>") {
            return Err("has `]]>` in a text");
        }
        if !self.open.is_empty() {
            each(Event::Text(resolved(words)?));
        }
        self.rest = rest;
        Ok(())
    }
}

/// Where a tag ends: at the first `>` outside of quotes.
fn tag_end(tag: &str) -> Option<usize> {
    let mut quote = None;
    tag.char_indices().find_map(|(at, sign)| {
        match (quote, sign) {
            (None, '>') => return Some(at),
            (None, '"' | '\'') => quote = Some(sign),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
        None
    })
}

/// `name="value"`, each after white space, no name twice.
fn attributes(text: &str) -> Step<Vec<(&str, Cow<'_, str>)>> {
    let mut found: Vec<(&str, Cow<'_, str>)> = Vec::new();
    let mut rest = text;
    loop {
        let next = rest.trim_start_matches(is_space);
        if next.is_empty() {
            return Ok(found);
        }
        if next.len() == rest.len() {
            return Err("has attributes without a blank between");
        }
        let (name, after) = next
            .split_once('=')
            .ok_or("has an attribute without a value")?;
        let name = name.trim_end_matches(is_space);
        if !is_name(name) {
            return Err("has an attribute without a name");
        }
        let after = after.trim_start_matches(is_space);
        let quote = after
            .chars()
            .next()
            .filter(|sign| matches!(sign, '"' | '\''));
        let quote = quote.ok_or("has an attribute without quotes")?;
        let inside = after.get(1..).unwrap_or_default();
        let (value, behind) = inside
            .split_once(quote)
            .ok_or("has an attribute without an end")?;
        if value.contains('<') {
            return Err("has a tag inside an attribute");
        }
        if found.len() == ATTRIBUTES_MAX {
            return Err("has an element of more than 128 attributes");
        }
        if found.iter().any(|(other, _)| *other == name) {
            return Err("has an attribute twice");
        }
        found.push((name, resolved(value)?));
        rest = behind;
    }
}

/// The text with its references resolved: those that XML itself has, and characters.
fn resolved(text: &str) -> Step<Cow<'_, str>> {
    signs(text)?;
    if !text.contains('&') {
        return Ok(text.into());
    }
    let mut whole = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        whole.push_str(before);
        let (name, behind) = after
            .split_once(';')
            .ok_or("has `&` that refers to nothing")?;
        whole.push(character(name).ok_or("refers to what only a DTD could declare")?);
        rest = behind;
    }
    whole.push_str(rest);
    Ok(whole.into())
}

/// The character of `lt`, `#8364`, `#x20AC`.
fn character(name: &str) -> Option<char> {
    let of = |digits: &str, radix| {
        let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let code = plain
            .then(|| u32::from_str_radix(digits, radix).ok())
            .flatten()?;
        char::from_u32(code).filter(|sign| is_sign(*sign))
    };
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => match name.strip_prefix("#x") {
            Some(digits) => of(digits, 16),
            None => of(name.strip_prefix('#')?, 10),
        },
    }
}

/// The text, if each of its characters may stand in XML.
fn signs(text: &str) -> Step<&str> {
    if text.chars().all(is_sign) {
        Ok(text)
    } else {
        Err("has a character that XML does not allow")
    }
}

const fn is_sign(sign: char) -> bool {
    match sign {
        '\t' | '\n' | '\r' => true,
        '\u{fffe}' | '\u{ffff}' => false,
        _ => sign >= ' ',
    }
}

const fn is_space(sign: char) -> bool {
    matches!(sign, ' ' | '\t' | '\n' | '\r')
}

/// A name with at most one prefix.
fn is_name(text: &str) -> bool {
    let (prefix, name) = text.split_once(':').unwrap_or(("x", text));
    let simple = |part: &str| {
        let mut signs = part.chars();
        let begins = |sign: char| sign.is_ascii_alphabetic() || sign == '_' || !sign.is_ascii();
        let goes_on =
            |sign: char| begins(sign) || sign.is_ascii_digit() || matches!(sign, '-' | '.');
        signs.next().is_some_and(begins) && signs.all(goes_on)
    };
    simple(prefix) && simple(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<(u64, &'static str)> {
        let found = read(text.as_bytes(), &mut |_| {}).err();
        found.map(|Fault { line, what }| (line, what))
    }

    #[test]
    fn what_is_well_formed_is_read() {
        let text = "\u{feff}<?xml version=\"1.0\" encoding='UTF-8'?>\n<?xml-stylesheet href=\"a.xsl\"?>\n\
            <!-- 一 --><v3:a xmlns:v3=\"urn:x\" b = '1>2&#x41;'>x &lt;&#8364; <c/><![CDATA[<&]]></v3:a >\n";
        let (mut opened, mut closed, mut words) = (Vec::new(), 0, String::new());
        let outcome = read(text.as_bytes(), &mut |event| match event {
            Event::Open(tag) => opened.push(tag),
            Event::Close => closed += 1,
            Event::Text(text) => words.push_str(&text),
        });
        assert_eq!(outcome, Ok(()));
        assert_eq!((opened.len(), closed), (2, 2));
        assert_eq!(words, "x <€ <&");
        assert_eq!(opened[0].name(), "a");
        assert_eq!(opened[0].attribute("b"), Some("1>2A"));
        assert_eq!(opened[0].declared_space(), Some("urn:x"));
        assert_eq!(opened[1].declared_space(), None);
    }

    #[test]
    fn what_is_not_is_named_with_its_line() {
        let deep = "<a>".repeat(DEPTH_MAX + 1);
        let cases: [(&str, u64, &str); 22] = [
            ("", 1, "has no element"),
            ("<a>\n<b></a>", 2, "has tags that do not match"),
            ("<a>", 1, "ends inside an element"),
            ("<a/><b/>", 1, "has more than one element outside"),
            ("<a/>x", 1, "has text outside its element"),
            (
                "<!DOCTYPE a [<!ENTITY x \"y\">]><a>&x;</a>",
                1,
                "has a DTD, which may fetch files and grow without end",
            ),
            (
                "<a>&nbsp;</a>",
                1,
                "refers to what only a DTD could declare",
            ),
            ("<a>&#0;</a>", 1, "refers to what only a DTD could declare"),
            (
                "<a>&#+65;</a>",
                1,
                "refers to what only a DTD could declare",
            ),
            ("<a>a & b</a>", 1, "has `&` that refers to nothing"),
            ("<a>]]></a>", 1, "has `]]>` in a text"),
            ("<a b=1/>", 1, "has an attribute without quotes"),
            (
                "<a b='1'c='2'/>",
                1,
                "has attributes without a blank between",
            ),
            ("<a b='1' b='2'/>", 1, "has an attribute twice"),
            ("<a b='<'/>", 1, "has a tag inside an attribute"),
            ("<1a/>", 1, "has a tag without a name"),
            ("<a:b:c/>", 1, "has a tag without a name"),
            ("<a>\u{1}</a>", 1, "has a character that XML does not allow"),
            ("<!-- a -- b --><a/>", 1, "has `--` in a comment"),
            (
                "<?xml version='1.0' encoding='GBK'?><a/>",
                1,
                "declares another encoding than UTF-8",
            ),
            (
                "<a><?xml version='1.0'?></a>",
                1,
                "has an instruction without a name",
            ),
            (&deep, 1, "has more than 128 elements in each other"),
        ];
        for (text, line, what) in cases {
            assert_eq!(fault(text), Some((line, what)), "{text:?}");
        }
        assert!(read(b"<a>\xb0</a>", &mut |_| {}).is_err());
    }
}
