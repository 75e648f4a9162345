//! Text as labels and keywords compare it.
//!
//! 1. Compatibility forms are one (NFKD): full and half width, ligatures, circled and Roman
//!    numbers.
//! 2. Letters are lower case, Latin ones without their marks; `æ`, `œ`, `ø`, `ł`, `ß` are spelt
//!    out.
//! 3. Traditional characters are simplified ones (`han.tsv`), one for one, whatever the context:
//!    who compares needs the same character for both, not the right one.
//! 4. A Greek letter that stands alone is its name: `TNF-α` is `tnf alpha`.
//! 5. Each run of other signs is one blank; between Chinese characters mere white space is none.
//!    What cannot be seen (zero width) is nothing.

mod terms;

use std::{collections::HashMap, sync::OnceLock};

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

pub(crate) use terms::Terms;

/// What stood where a folded text has a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Nothing: the next character belongs to what is before it.
    None,
    Blank,
    Hyphen,
    Dot,
    Apostrophe,
    Slash,
    /// Any other sign, or several of them.
    Sign,
}

impl Gap {
    fn of(c: char) -> Self {
        match c {
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{2043}' => Self::Hyphen,
            '.' => Self::Dot,
            '/' => Self::Slash,
            '\'' | '\u{2018}' | '\u{2019}' | '\u{201b}' | '\u{2bc}' | '\u{2032}' | '`' => {
                Self::Apostrophe
            }
            _ if c.is_whitespace() => Self::Blank,
            _ => Self::Sign,
        }
    }

    /// This and then `next`: blanks around a hyphen or slash do not matter, after a dot they end a
    /// sentence.
    fn and(self, next: Self) -> Self {
        match (self, next) {
            (Self::None, one) => one,
            (one, other) if one == other => one,
            (Self::Hyphen, Self::Blank) | (Self::Blank, Self::Hyphen) => Self::Hyphen,
            (Self::Slash, Self::Blank) | (Self::Blank, Self::Slash) => Self::Slash,
            _ => Self::Sign,
        }
    }
}

/// A folded text, with a blank at both ends.
#[derive(Debug)]
pub(crate) struct Folded {
    pub text: String,
    /// What stood at each blank but the outer ones.
    pub gaps: Vec<Gap>,
}

/// Folds a text.
pub(crate) fn fold(text: &str) -> Folded {
    let mut folding = Folding::new(text.len());
    let plain: Vec<char> = plain(text).collect();
    let mut rest = plain.as_slice();
    while let Some((c, after)) = rest.split_first() {
        let letters = rest.iter().take_while(|c| is_greek(**c)).count();
        match greek(*c) {
            // A word of Greek is no symbol.
            _ if letters > GREEK_MAX => {
                let (word, after) = rest.split_at(letters);
                word.iter().for_each(|c| spelt(*c, &mut folding));
                rest = after;
                continue;
            }
            Some("mu") if after.first().is_some_and(|unit| "glm".contains(*unit)) => {
                folding.push('u');
            }
            Some(name) => {
                folding.part();
                name.chars().for_each(|c| folding.push(c));
                folding.part();
            }
            None => spelt(*c, &mut folding),
        }
        rest = after;
    }
    folding.finish()
}

/// Greek letters that stand together and are symbols still: `γδ`.
const GREEK_MAX: usize = 2;

/// Rules 1 and 2, without what cannot be seen.
fn plain(text: &str) -> impl Iterator<Item = char> {
    // The spacing accent would come apart into a blank and a mark.
    let typed = text.chars().map(|c| if c == '\u{b4}' { '\'' } else { c });
    let seen = typed.filter(|c| {
        !matches!(
            c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}'
        )
    });
    let bare = seen.nfkd().filter(|c| !is_combining_mark(*c));
    bare.flat_map(char::to_lowercase)
        .filter(|c| !is_combining_mark(*c))
}

fn spelt(c: char, folding: &mut Folding) {
    let letters = match c {
        'æ' => "ae",
        'œ' => "oe",
        'ø' => "o",
        'ł' => "l",
        'đ' | 'ð' => "d",
        'þ' => "th",
        'ß' => "ss",
        'ı' => "i",
        'ς' => "σ",
        _ => return folding.push(c),
    };
    letters.chars().for_each(|c| folding.push(c));
}

fn is_greek(c: char) -> bool {
    matches!(c, '\u{3b1}'..='\u{3c9}')
}

fn greek(c: char) -> Option<&'static str> {
    Some(match c {
        'α' => "alpha",
        'β' => "beta",
        'γ' => "gamma",
        'δ' => "delta",
        'ε' => "epsilon",
        'ζ' => "zeta",
        'η' => "eta",
        'θ' => "theta",
        'ι' => "iota",
        'κ' => "kappa",
        'λ' => "lambda",
        'μ' => "mu",
        'ν' => "nu",
        'ξ' => "xi",
        'ο' => "omicron",
        'π' => "pi",
        'ρ' => "rho",
        'σ' | 'ς' => "sigma",
        'τ' => "tau",
        'υ' => "upsilon",
        'φ' => "phi",
        'χ' => "chi",
        'ψ' => "psi",
        'ω' => "omega",
        _ => return None,
    })
}

/// [`fold`], for most texts and without the tables of Unicode, without what stood at the blanks.
pub(crate) fn folded(text: &str) -> String {
    if !text.is_ascii() {
        return fold(text).text;
    }
    let mut folded = String::with_capacity(text.len() + 2);
    folded.push(' ');
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            folded.push(char::from(byte.to_ascii_lowercase()));
        } else if !folded.ends_with(' ') {
            folded.push(' ');
        }
    }
    if !folded.ends_with(' ') || folded.len() == 1 {
        folded.push(' ');
    }
    folded
}

struct Folding {
    text: String,
    gaps: Vec<Gap>,
    /// What stands between the last letter and the next.
    gap: Gap,
    last_is_han: bool,
}

impl Folding {
    fn new(length: usize) -> Self {
        let mut text = String::with_capacity(length + 2);
        text.push(' ');
        Self {
            text,
            gaps: Vec::new(),
            gap: Gap::None,
            last_is_han: false,
        }
    }

    /// What comes next is a word of its own, as if a hyphen stood there.
    fn part(&mut self) {
        if self.gap == Gap::None {
            self.gap = Gap::Hyphen;
        }
    }

    fn push(&mut self, c: char) {
        if !c.is_alphanumeric() {
            self.gap = self.gap.and(Gap::of(c));
            return;
        }
        let han = is_han(c);
        let c = if han { simplified(c) } else { c };
        let joined = self.gap == Gap::Blank && han && self.last_is_han;
        if self.gap != Gap::None && !joined && !self.text.ends_with(' ') {
            self.text.push(' ');
            self.gaps.push(self.gap);
        }
        self.text.push(c);
        self.gap = Gap::None;
        self.last_is_han = han;
    }

    fn finish(mut self) -> Folded {
        self.text.push(' ');
        Folded {
            text: self.text,
            gaps: self.gaps,
        }
    }
}

pub(crate) fn is_han(c: char) -> bool {
    matches!(
        c,
        '\u{3005}' | '\u{3007}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}'
    )
}

/// The simplified character.
fn simplified(c: char) -> char {
    static PAIRS: OnceLock<HashMap<char, char>> = OnceLock::new();
    let pairs = PAIRS.get_or_init(|| {
        let lines = include_str!("han.tsv").lines();
        let pairs = lines
            .filter(|line| !line.starts_with('#'))
            .flat_map(str::split_whitespace);
        pairs
            .filter_map(|pair| {
                let mut chars = pair.chars();
                chars.next().zip(chars.next())
            })
            .collect()
    });
    pairs.get(&c).copied().unwrap_or(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn folding_keeps_words_apart_and_chinese_together() {
        for (text, expected) in [
            ("Self-harm,  ST–depression", " self harm st depression "),
            ("抑 郁\n症。否认", " 抑郁症 否认 "),
            ("Sjögren", " sjogren "),
            ("", "  "),
            ("ＨｂＡ１ｃ", " hba1c "),
            ("維生素Ｄ缺乏", " 维生素d缺乏 "),
            ("TNF-α, β-blocker, 5 μg", " tnf alpha beta blocker 5 ug "),
            ("καρκίνος", " καρκινοσ "),
            ("œdème, Straße", " oedeme strasse "),
            ("抑\u{200b}郁", " 抑郁 "),
            ("Crohn´s Crohn’s", " crohn s crohn s "),
        ] {
            assert_eq!(fold(text).text, expected, "{text}");
        }
    }

    #[test]
    fn the_table_of_characters_maps_each_once_and_to_an_end() {
        let mut seen = HashMap::new();
        for line in include_str!("han.tsv").lines() {
            if line.starts_with('#') {
                continue;
            }
            for pair in line.split_whitespace() {
                let pair: Vec<char> = pair.chars().collect();
                assert_eq!(pair.len(), 2, "{pair:?}");
                assert!(is_han(pair[0]) && is_han(pair[1]), "{pair:?}");
                assert!(seen.insert(pair[0], pair[1]).is_none(), "{pair:?}");
            }
        }
        assert!(seen.len() > 3_000, "{}", seen.len());
        for to in seen.values() {
            assert!(!seen.contains_key(to), "{to} goes on");
        }
    }

    #[test]
    fn the_way_without_tables_gives_the_same() {
        for text in ["", " ", "a", "I.V. drug-use (x)", "..a..", "O'Brien 3+"] {
            assert_eq!(folded(text), fold(text).text, "{text}");
        }
    }

    /// Without the blanks between Chinese characters: where a sign stood, a blank is left, and by
    /// rule 5 a second folding takes it for white space.
    fn closed(folded: &str) -> String {
        let mut closed: Vec<char> = Vec::new();
        for c in folded.chars() {
            if let [.., before, ' '] = closed[..]
                && is_han(before)
                && is_han(c)
            {
                closed.pop();
            }
            closed.push(c);
        }
        closed.into_iter().collect()
    }

    #[test]
    fn a_sign_parts_chinese_once() {
        let once = fold("肺，癌 症").text;
        assert_eq!((&once[..], &closed(&once)[..]), (" 肺 癌症 ", " 肺癌症 "));
        assert_eq!(fold(&once).text, " 肺癌症 ");
    }

    proptest! {
        #[test]
        fn folding_twice_is_folding_once(
            text in prop_oneof!["\\PC{0,40}", "[肺癌後㉀aßα１5μ ，。/'-]{0,20}"]
        ) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once.text).text, closed(&once.text));
            prop_assert_eq!(&folded(&text), &once.text);
        }

        #[test]
        fn each_inner_blank_has_its_gap(text in any::<String>()) {
            let folded = fold(&text);
            let blanks = folded.text.matches(' ').count();
            prop_assert_eq!(blanks, folded.gaps.len() + 2);
            prop_assert!(!folded.gaps.contains(&Gap::None));
        }
    }
}
