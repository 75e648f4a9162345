//! Names as people give them: what a new one must not be, and whom a mistyped one may mean.
//!
//! The chain takes any text as a name. But two names that look the same are one name to a reader,
//! so whoever gives a new one is told before anything happens.

use yilian_protocol::{
    codec::{Text, is_seen},
    limits::NAME_MAX,
};

/// Why a text is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameFault {
    /// Nothing that can be seen is in it.
    #[error("a name must not be empty")]
    Empty,
    /// Blanks that nobody sees.
    #[error("`{name}` begins or ends with a blank, or has two in a row")]
    Blank {
        /// The name.
        name: String,
    },
    /// A character that is not to be seen, or moves others.
    #[error("the name has the invisible character U+{:04X}", u32::from(*.character))]
    Invisible {
        /// The character.
        character: char,
    },
    /// More than the wire has room for.
    #[error("a name has at most {NAME_MAX} bytes, not {bytes}")]
    TooLong {
        /// Its length in UTF-8.
        bytes: usize,
    },
}

/// A name that is to be given to somebody.
///
/// # Errors
/// [`NameFault`] when it cannot be told from another, or not be seen at all.
pub fn new_name(text: &str) -> Result<Text<NAME_MAX>, NameFault> {
    if text.chars().all(|c| c.is_whitespace() || !is_seen(c)) {
        return Err(NameFault::Empty);
    }
    if let Some(character) = invisible(text) {
        return Err(NameFault::Invisible { character });
    }
    let blanks: Vec<&str> = text.split(is_blank).collect();
    if blanks.iter().any(|word| word.is_empty()) {
        let name = text.to_owned();
        return Err(NameFault::Blank { name });
    }
    let bytes = text.len();
    Text::new(text).map_err(|_| NameFault::TooLong { bytes })
}

/// The one of `known` that a reader takes for `name`, though it is written otherwise: in other
/// case, width or blanks.
pub fn look_alike<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = fold(name);
    let mut known = known.into_iter();
    known.find(|other| *other != name && fold(other) == folded)
}

/// Those of `known` that `name` may mean, which is none of them: the look-alikes, else those that
/// hold it or that it holds. Three at most.
pub fn meant<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let folded = fold(name);
    let known: Vec<(&str, String)> = known.into_iter().map(|name| (name, fold(name))).collect();
    let alike = known.iter().filter(|(_, other)| *other == folded);
    let mut found: Vec<&str> = alike.map(|(name, _)| *name).collect();
    if found.is_empty() && !folded.is_empty() {
        let near = |other: &str| other.contains(&folded) || folded.contains(other);
        let near = known.iter().filter(|(_, other)| near(other));
        found = near.map(|(name, _)| *name).collect();
    }
    found.sort_unstable();
    found.dedup();
    found.into_iter().take(3).map(str::to_owned).collect()
}

/// `; is it A or B?` behind a sentence that says that there is no such name.
#[must_use]
pub fn question(meant: &[String]) -> String {
    if meant.is_empty() {
        return String::new();
    }
    let quoted: Vec<String> = meant.iter().map(|name| format!("`{name}`")).collect();
    format!("; is it {}?", quoted.join(" or "))
}

/// What a reader takes in of a name: where its blanks are, he overlooks.
fn fold(name: &str) -> String {
    let seen = name.chars().filter(|c| is_seen(*c) && !c.is_whitespace());
    let narrow = seen.map(|c| match c {
        // Full width forms of ASCII stand in the same order.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    });
    narrow
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

/// The blanks that a name may have: the space, and the one of Chinese and Japanese.
const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\u{3000}')
}

/// The first character of a name that must not be in one.
fn invisible(name: &str) -> Option<char> {
    name.chars()
        .find(|c| !is_seen(*c) || (c.is_whitespace() && !is_blank(*c)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_and_hospitals_are_names() {
        for name in [
            "ann",
            "Dr Li",
            "李医生",
            "王\u{3000}小明",
            "Müller-Lüdenscheidt",
            "O'Neill",
            "阿里·买买提",
            "علیرضا",
            "St. Mary's (North)",
        ] {
            assert_eq!(new_name(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_nobody_sees_is_no_name_and_not_in_one() {
        for name in ["", " ", "\t\n", "\u{200b}", "\u{3000} \u{a0}", "\u{2800}"] {
            assert_eq!(new_name(name), Err(NameFault::Empty), "{name:?}");
        }
        for (name, character) in [
            ("Dr\tLi", '\t'),
            ("Dr\u{a0}Li", '\u{a0}'),
            ("ann\u{200b}", '\u{200b}'),
            ("\u{202e}nna", '\u{202e}'),
            ("a\u{200d}nn", '\u{200d}'),
            ("علی\u{200c}رضا", '\u{200c}'),
            ("ann\0", '\0'),
            ("a\u{ad}nn", '\u{ad}'),
            ("a\nnn", '\n'),
        ] {
            let fault = new_name(name).unwrap_err();
            assert_eq!(fault, NameFault::Invisible { character }, "{name:?}");
            assert!(fault.to_string().contains("U+"), "{fault}");
        }
        for name in [" ann", "ann ", "Dr  Li", "ann\u{3000}"] {
            assert!(
                matches!(new_name(name), Err(NameFault::Blank { .. })),
                "{name:?}"
            );
        }
        let long = "x".repeat(NAME_MAX + 1);
        assert_eq!(
            new_name(&long),
            Err(NameFault::TooLong { bytes: long.len() })
        );
        assert!(new_name(&long[1..]).is_ok());
    }

    #[test]
    fn look_alikes_are_found_and_the_same_name_is_none() {
        let known = ["ann", "Dr Li", "Weiß", "李医生"];
        for (name, other) in [
            ("Ann", "ann"),
            ("ＡＮＮ", "ann"),
            ("dr\u{3000}li", "Dr Li"),
            ("Dr  Li", "Dr Li"),
            ("DrLi", "Dr Li"),
            ("李 医生", "李医生"),
            ("WEISS", "Weiß"),
            ("an\u{200d}n", "ann"),
        ] {
            assert_eq!(look_alike(name, known), Some(other), "{name}");
        }
        for name in ["ann", "anna", "Dr Lo", "李医"] {
            assert_eq!(look_alike(name, known), None, "{name}");
        }
    }

    #[test]
    fn whom_a_mistyped_name_may_mean() {
        let known = ["North Hospital", "South Hospital", "north", "Dr Li"];
        assert_eq!(meant("NORTH", known), ["north"]);
        assert_eq!(
            meant("hospital", known),
            ["North Hospital", "South Hospital"]
        );
        assert_eq!(meant("Dr Li Wei", known), ["Dr Li"]);
        assert!(meant("West", known).is_empty() && meant(" ", known).is_empty());
        let question = question(&meant("hospital", known));
        assert_eq!(question, "; is it `North Hospital` or `South Hospital`?");
    }
}
