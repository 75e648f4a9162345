//! A text cut into what words are made of: Chinese characters, words, numbers, single letters.

use std::{borrow::Cow, ops::Range};

use super::{
    Keyword,
    topic::{self, Match},
};
use crate::text::{Gap, fold, is_han};

/// Words that say nothing: grammar, what terminologies add to displays, names of code systems.
const STOP: &[&str] = &[
    "an",
    "and",
    "as",
    "at",
    "by",
    "due",
    "for",
    "from",
    "in",
    "is",
    "nos",
    "of",
    "on",
    "or",
    "other",
    "per",
    "the",
    "to",
    "unspecified",
    "via",
    "with",
    "without",
    "disorder",
    "finding",
    "procedure",
    "situation",
    "snomed",
    "sct",
    "icd",
    "icd10",
    "icd10cm",
    "icd9",
    "loinc",
    "rxnorm",
    "atc",
    "cvx",
];

/// What an amount ends with.
const UNITS: &[&str] = &[
    "actuat", "cm", "day", "days", "dl", "g", "h", "hour", "hours", "hr", "iu", "kcal", "kg",
    "kpa", "l", "mcg", "meq", "mg", "min", "ml", "mm", "mmhg", "mmol", "mol", "month", "months",
    "pg", "sq", "u", "ug", "umol", "unit", "units", "unt", "week", "weeks", "year", "years", "yr",
];

/// Digits of the longest number that belongs to a word: `CA 19-9`, `CA 125`.
const NUMBER_MAX: usize = 3;
/// Letters of the shortest word that may be a plural, or British.
const SPELLING_MIN: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A Chinese character.
    Han,
    /// Two signs on, one of them a letter.
    Word,
    /// A word that says nothing, or a unit.
    Stop,
    Letter,
    Number,
    /// A number that is a code by itself: `38341003`, `4548-4`.
    Code,
}

#[derive(Debug)]
pub(super) struct Item {
    pub kind: Kind,
    pub text: String,
    /// What stands before it.
    gap: Gap,
    /// Where it stands in [`Cut::text`].
    pub range: Range<usize>,
    /// Whether a topic says it.
    pub covered: bool,
}

/// A number or letter and the word that it belongs to.
pub(super) struct Glued {
    pub text: String,
    /// Place of the word.
    pub word: usize,
}

/// A text, cut.
#[derive(Debug)]
pub(super) struct Cut {
    /// What topics are sought in: the items, blanks between words, none beside Chinese.
    pub text: String,
    pub items: Vec<Item>,
    /// Blanks of the text where a sign stood that parts what it says.
    signs: Vec<usize>,
}

impl Cut {
    pub(super) fn of(text: &str) -> Self {
        let atoms = codes(amounts(joined(atoms(text))));
        let mut cut = Self {
            text: String::from(" "),
            items: Vec::new(),
            signs: Vec::new(),
        };
        merged(atoms)
            .into_iter()
            .for_each(|atom| cut.push(atom.into_item()));
        cut.text.push(' ');
        cut
    }

    fn push(&mut self, mut item: Item) {
        let after_han = self.items.last().is_none_or(|last| last.kind == Kind::Han);
        let beside_han = (after_han || item.kind == Kind::Han) && item.gap.is_thin();
        if !self.items.is_empty() && !beside_han {
            if item.gap == Gap::Sign {
                self.signs.push(self.text.len());
            }
            self.text.push(' ');
        }
        let start = self.text.len();
        self.text.push_str(&item.text);
        item.range = start..self.text.len();
        self.items.push(item);
    }

    /// The topics of the text, overlapping ones too.
    pub(super) fn topics(&self) -> Vec<Match> {
        topic::find(&self.text, &self.signs)
    }

    /// What a number or single letter makes with the words beside it, the likelier first.
    pub(super) fn glued(&self, place: usize) -> [Option<Glued>; 2] {
        let Some(item) = self.items.get(place).filter(|item| item.is_short()) else {
            return [None, None];
        };
        let beside = |place: Option<usize>| {
            let (place, word) = place.and_then(|place| Some((place, self.items.get(place)?)))?;
            (word.kind == Kind::Word).then_some((place, word))
        };
        let left = beside(place.checked_sub(1)).filter(|_| !item.gap.parts());
        let right = beside(place.checked_add(1)).filter(|(_, word)| !word.gap.parts());
        let bound = |gap| matches!(gap, Gap::Hyphen | Gap::Dot);
        let to_right = right.is_some_and(|(_, word)| bound(word.gap));
        let (left, right) = match (bound(item.gap), to_right) {
            (true, false) if left.is_some() => (left, None),
            (false, true) => (None, right),
            _ => (left, right),
        };
        [
            left.map(|(word, before)| Glued {
                text: format!("{}{}", before.text, item.text),
                word,
            }),
            right.map(|(word, after)| Glued {
                text: format!("{}{}", item.text, after.text),
                word,
            }),
        ]
    }

    /// Chinese characters that stand together, with the numbers and letters among them.
    pub(super) fn chains(&self) -> Vec<Vec<&Item>> {
        let mut chains: Vec<Vec<&Item>> = Vec::new();
        let mut goes_on = false;
        for (place, item) in self.items.iter().enumerate() {
            let [left, right] = self.glued(place);
            let bare = item.is_short() && left.is_none() && right.is_none();
            if item.kind != Kind::Han && !bare {
                goes_on = false;
                continue;
            }
            match chains.last_mut().filter(|_| goes_on && item.gap.is_thin()) {
                Some(chain) => chain.push(item),
                None => chains.push(vec![item]),
            }
            goes_on = true;
        }
        chains
    }

    /// A text that is one short number: a code, as those of vaccines.
    pub(super) fn alone(&self) -> Option<Keyword> {
        match self.items.as_slice() {
            [item] if item.kind == Kind::Number => Some(Keyword::Code(item.text.clone())),
            _ => None,
        }
    }
}

impl Item {
    fn is_short(&self) -> bool {
        match self.kind {
            Kind::Letter => true,
            Kind::Number => self.text.len() <= NUMBER_MAX,
            _ => false,
        }
    }
}

impl Gap {
    /// Whether what stands on both sides may belong together.
    const fn is_thin(self) -> bool {
        matches!(self, Self::None | Self::Blank | Self::Hyphen)
    }

    /// Whether a number on one side says nothing of a word on the other.
    const fn parts(self) -> bool {
        matches!(self, Self::Slash | Self::Sign)
    }
}

/// A Chinese character, or a run of other letters and digits.
struct Atom {
    text: String,
    han: bool,
    gap: Gap,
}

impl Atom {
    fn is_number(&self) -> bool {
        self.text.bytes().all(|byte| byte.is_ascii_digit())
    }

    fn has_digit(&self) -> bool {
        self.text.bytes().any(|byte| byte.is_ascii_digit())
    }

    fn is_letter(&self) -> bool {
        !self.han && !self.is_number() && self.text.chars().nth(1).is_none()
    }

    fn into_item(self) -> Item {
        let kind = if self.han {
            Kind::Han
        } else if self.text.contains('-') {
            Kind::Code
        } else if self.is_number() {
            if self.text.len() > NUMBER_MAX {
                Kind::Code
            } else {
                Kind::Number
            }
        } else if self.is_letter() {
            Kind::Letter
        } else {
            let word = self.text.as_str();
            if STOP.contains(&word) || UNITS.contains(&word) {
                Kind::Stop
            } else {
                Kind::Word
            }
        };
        let text = match kind {
            Kind::Word => normal(&self.text),
            _ => self.text,
        };
        Item {
            kind,
            text,
            gap: self.gap,
            range: 0..0,
            covered: false,
        }
    }
}

fn atoms(text: &str) -> Vec<Atom> {
    let folded = fold(text);
    let mut gaps = folded.gaps.iter();
    let mut atoms: Vec<Atom> = Vec::new();
    // What stands before the first parts it from nothing.
    let mut gap = Some(Gap::Sign);
    for c in folded.text.trim_matches(' ').chars() {
        if c == ' ' {
            gap = gaps.next().copied().or(Some(Gap::Sign));
            continue;
        }
        let han = is_han(c);
        match atoms.last_mut() {
            Some(last) if gap.is_none() && !han && !last.han => last.text.push(c),
            _ => atoms.push(Atom {
                text: c.to_string(),
                han,
                gap: gap.unwrap_or(Gap::None),
            }),
        }
        gap = None;
    }
    atoms
}

/// Without the `'s` of names; a code's parts at a dot are one (`E11.9`), Roman numbers are numbers.
fn joined(atoms: Vec<Atom>) -> Vec<Atom> {
    let mut joined: Vec<Atom> = Vec::with_capacity(atoms.len());
    for mut atom in atoms {
        let last = joined.last_mut().filter(|last| !last.han && !atom.han);
        match (last, atom.gap) {
            (Some(_), Gap::Apostrophe) if atom.text == "s" => continue,
            (Some(last), Gap::Dot) if last.has_digit() && !last.is_number() && atom.has_digit() => {
                last.text.push_str(&atom.text);
                continue;
            }
            _ => {}
        }
        if let Some(number) = roman(&atom.text) {
            atom.text = number.to_owned();
        }
        joined.push(atom);
    }
    joined
}

fn roman(text: &str) -> Option<&'static str> {
    Some(match text {
        "ii" => "2",
        "iii" => "3",
        "iv" => "4",
        "vi" => "6",
        "vii" => "7",
        "viii" => "8",
        "ix" => "9",
        _ => return None,
    })
}

/// Without amounts and decimal numbers.
fn amounts(atoms: Vec<Atom>) -> Vec<Atom> {
    let mut kept: Vec<Atom> = Vec::with_capacity(atoms.len());
    let mut taken = false;
    for mut atom in atoms {
        let after_number = kept
            .last()
            .is_some_and(|last| !last.han && last.is_number());
        let fraction = after_number && atom.gap == Gap::Dot;
        let unit = UNITS.contains(&atom.text.as_str()) && atom.gap != Gap::Sign;
        let amount = (unit && (after_number || taken))
            || (fraction && atom.is_number())
            || is_amount(&atom.text);
        if amount {
            // The number of a unit, the whole of a fraction.
            if fraction || (unit && after_number) {
                kept.pop();
            }
            taken = true;
            continue;
        }
        if std::mem::take(&mut taken) && atom.gap != Gap::Sign {
            atom.gap = Gap::Slash;
        }
        kept.push(atom);
    }
    kept
}

/// `40mg`.
fn is_amount(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && text.get(digits..).is_some_and(|unit| UNITS.contains(&unit))
}

/// Numbers that hyphens hold together and that are longer than those of a word are one code.
fn codes(atoms: Vec<Atom>) -> Vec<Atom> {
    let mut found: Vec<Atom> = Vec::with_capacity(atoms.len());
    let mut rest = atoms.into_iter().peekable();
    while let Some(mut atom) = rest.next() {
        let mut parts: Vec<Atom> = Vec::new();
        while !atom.han
            && atom.is_number()
            && let Some(part) =
                rest.next_if(|next| !next.han && next.gap == Gap::Hyphen && next.is_number())
        {
            parts.push(part);
        }
        let digits: usize =
            atom.text.len() + parts.iter().map(|part| part.text.len()).sum::<usize>();
        if digits > NUMBER_MAX {
            for part in parts.drain(..) {
                atom.text.push('-');
                atom.text.push_str(&part.text);
            }
        }
        found.push(atom);
        found.extend(parts);
    }
    found
}

/// Numbers and single letters that stand together are one: `B 12`, `H.I.V.`, `19-9`.
fn merged(atoms: Vec<Atom>) -> Vec<Atom> {
    let is_short = |atom: &Atom| {
        !atom.han && (atom.is_letter() || (atom.is_number() && atom.text.len() <= NUMBER_MAX))
    };
    let mut merged: Vec<Atom> = Vec::with_capacity(atoms.len());
    let mut after_short = false;
    let mut rest = atoms.into_iter().peekable();
    while let Some(atom) = rest.next() {
        let short = is_short(&atom);
        // `vitamin D 25-OH`: the number belongs to what its hyphen leads to.
        let bound = |next: &Atom| next.gap == Gap::Hyphen && !next.han && !is_short(next);
        let leads_on = atom.gap == Gap::Blank && rest.peek().is_some_and(bound);
        match merged.last_mut() {
            Some(last) if short && after_short && !atom.gap.parts() && !leads_on => {
                last.text.push_str(&atom.text);
            }
            _ => merged.push(atom),
        }
        after_short = short;
    }
    merged
}

/// A word without its plural (the S-stemmer of Harman 1991; `-is` stays) and in American spelling.
fn normal(word: &str) -> String {
    let letters = word.bytes().all(|byte| byte.is_ascii_alphabetic());
    if !letters || word.len() < SPELLING_MIN {
        return word.to_owned();
    }
    let ends = |endings: &[&str]| endings.iter().any(|ending| word.ends_with(ending));
    let singular: Cow<'_, str> = match word.strip_suffix('s') {
        _ if ends(&["ss", "us", "is"]) => word.into(),
        Some(stem) if ends(&["ies"]) && !ends(&["eies", "aies"]) => format!(
            "{}y",
            stem.get(..stem.len().saturating_sub(2)).unwrap_or_default()
        )
        .into(),
        Some(stem) if !ends(&["aes", "ees", "oes"]) => stem.into(),
        _ => word.into(),
    };
    let american = singular.replace("ae", "e").replace("oe", "e");
    match american.strip_suffix("our") {
        Some(stem) if stem.len() >= 2 => format!("{stem}or"),
        _ => american,
    }
}
