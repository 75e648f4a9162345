//! Rust text taken apart into code, comments and strings: as much of a lexer as tidiness needs.

/// What a character belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    Code,
    Comment,
    Text,
}

/// A source file, each character with its part.
pub struct Source {
    pub characters: Vec<char>,
    pub parts: Vec<Part>,
}

impl Source {
    pub fn new(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect();
        let mut parts = Vec::with_capacity(characters.len());
        while let Some(&first) = characters.get(parts.len()) {
            let at = parts.len();
            let rest = &characters[at..];
            let (part, length) = match first {
                '/' if rest.get(1) == Some(&'/') => (Part::Comment, until(rest, &['\n'])),
                '/' if rest.get(1) == Some(&'*') => (Part::Comment, block_comment(rest)),
                '"' => (Part::Text, text_length(rest)),
                'r' if is_start(&characters, at) && raw_hashes(rest).is_some() => {
                    (Part::Text, raw_length(rest, raw_hashes(rest).unwrap_or(0)))
                }
                '\'' => (Part::Text, character_length(rest)),
                _ => (Part::Code, 1),
            };
            // A lone quote is a lifetime: code.
            let part = if length == 1 && first == '\'' {
                Part::Code
            } else {
                part
            };
            parts.extend(std::iter::repeat_n(part, length.clamp(1, rest.len())));
        }
        Self { characters, parts }
    }

    /// The text with everything blank but code; lines stay where they are.
    pub fn code(&self) -> String {
        self.only(&[Part::Code])
    }

    /// The text without strings' contents.
    pub fn without_text(&self) -> String {
        self.characters
            .iter()
            .zip(&self.parts)
            .filter(|(character, part)| **part != Part::Text || **character == '\n')
            .map(|(character, _)| *character)
            .collect()
    }

    /// Every string, quotes included.
    pub fn texts(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let mut before = Part::Code;
        for (character, part) in self.characters.iter().zip(&self.parts) {
            if *part == Part::Text {
                if before != Part::Text {
                    texts.push(String::new());
                }
                texts
                    .last_mut()
                    .into_iter()
                    .for_each(|text| text.push(*character));
            }
            before = *part;
        }
        texts
    }

    fn only(&self, kept: &[Part]) -> String {
        let pairs = self.characters.iter().zip(&self.parts);
        pairs
            .map(|(character, part)| match character {
                '\n' => '\n',
                _ if kept.contains(part) => *character,
                _ => ' ',
            })
            .collect()
    }
}

/// Everything before the tests that stand in the file itself.
pub fn without_tests(code: &str) -> &str {
    let tests = code.find("#[cfg(test)]\nmod tests");
    tests.map_or(code, |at| &code[..at])
}

/// The identifiers of a text, in order.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|character: char| !character.is_alphanumeric() && character != '_')
        .filter(|word| !word.is_empty())
}

fn is_start(characters: &[char], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| characters.get(before));
    let joined = |c: &char| c.is_alphanumeric() || *c == '_';
    // `br"` is a raw string too.
    before.is_none_or(|before| !joined(before) || *before == 'b')
}

fn until(rest: &[char], ends: &[char]) -> usize {
    let end = rest.iter().position(|character| ends.contains(character));
    end.unwrap_or(rest.len())
}

fn block_comment(rest: &[char]) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        match (rest[at], rest.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn text_length(rest: &[char]) -> usize {
    let mut at = 1;
    while let Some(character) = rest.get(at) {
        match character {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// How many `#` a raw string has; `None` when there is no raw string.
fn raw_hashes(rest: &[char]) -> Option<usize> {
    let hashes = rest.iter().skip(1).take_while(|c| **c == '#').count();
    (rest.get(1 + hashes) == Some(&'"')).then_some(hashes)
}

fn raw_length(rest: &[char], hashes: usize) -> usize {
    let end: Vec<char> = std::iter::once('"')
        .chain(std::iter::repeat_n('#', hashes))
        .collect();
    let start = hashes + 2;
    let found = rest[start..]
        .windows(end.len())
        .position(|window| window == end);
    found.map_or(rest.len(), |at| start + at + end.len())
}

/// Of a character in quotes; 1 for a lifetime.
fn character_length(rest: &[char]) -> usize {
    match (rest.get(1), rest.get(2)) {
        (Some('\\'), _) => rest[2..].iter().position(|c| *c == '\'').map_or(1, |at| {
            // In `'\''` the first quote is the character.
            if at == 0 { 4 } else { at + 3 }
        }),
        (Some(_), Some('\'')) => 3,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(text: &str) -> String {
        Source::new(text).code().replace(' ', "")
    }

    #[test]
    fn comments_and_strings_are_no_code() {
        assert_eq!(code("a // b \"c\n\"d // e\" f"), "a\nf");
        assert_eq!(code("a /* b /* c */ d */ e"), "ae");
        assert_eq!(code("r#\"a \" b\"# c br\"d\\\" e"), "cbe");
        assert_eq!(code(r#""a \" b" c"#), "c");
    }

    #[test]
    fn lifetimes_are_code_and_characters_are_not() {
        assert_eq!(code("fn a<'b>(c: &'b str) { '\"' }"), "fna<'b>(c:&'bstr){}");
        assert_eq!(code(r"'\'' a '\u{1f600}' b"), "ab");
    }

    #[test]
    fn strings_are_listed() {
        let source = Source::new("a(\"b\", 'c'); // \"d\"");
        assert_eq!(source.texts(), ["\"b\"", "'c'"]);
        assert_eq!(source.without_text(), "a(, ); // \"d\"");
    }
}
