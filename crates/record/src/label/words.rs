//! Which words are sensitive: `words.tsv`, English and Chinese, found in one pass over a text
//! however many they are.
//!
//! Rules:
//! 1. Text is folded ([`crate::text`]): full and half width, case, marks, traditional and
//!    simplified characters, Greek letters are one; each run of other signs is one blank.
//! 2. A Latin term counts as whole words; its last word may go on where the table has `*`. A
//!    Chinese term counts anywhere ([`Terms`]).
//! 3. What lies inside a harmless phrase of the table (`st depression`, 酒精棉) does not count
//!    there.
//! 4. Nothing else lowers: "no history of HIV" and 否认吸毒史 are sensitive, since a reader learns
//!    that it was asked and why.

use std::sync::OnceLock;

use super::Sensitivity;
use crate::{
    terminology::rows,
    text::{Terms, folded},
};

/// The first sensitive word of a text tells; `None` when there is none.
pub(super) fn sensitivity(text: &str) -> Option<Sensitivity> {
    // Dates, numbers and amounts hold no words.
    if !text.chars().any(char::is_alphabetic) {
        return None;
    }
    let folded = folded(text);
    let words = table();
    let mut sensitive = Vec::new();
    let mut harmless = Vec::new();
    for (term, span) in words.terms.find(&folded) {
        match words.sensitivities.get(term) {
            Some(Some(sensitivity)) => sensitive.push((span, *sensitivity)),
            _ => harmless.push(span),
        }
    }
    let counts = |(span, _): &&(std::ops::Range<usize>, Sensitivity)| {
        let within =
            |over: &std::ops::Range<usize>| over.start <= span.start && span.end <= over.end;
        !harmless.iter().any(within)
    };
    sensitive.iter().find(counts).map(|(_, found)| *found)
}

struct Words {
    terms: Terms,
    /// Of each term; `None` for a harmless phrase.
    sensitivities: Vec<Option<Sensitivity>>,
}

fn table() -> &'static Words {
    static WORDS: OnceLock<Words> = OnceLock::new();
    WORDS.get_or_init(|| {
        let mut terms = Vec::new();
        let mut sensitivities = Vec::new();
        for row in rows(include_str!("words.tsv")) {
            let [sensitivity, _language, listed] = row[..] else {
                continue;
            };
            for term in listed.split('|') {
                terms.push(term);
                sensitivities.push(Sensitivity::named(sensitivity));
            }
        }
        // `the_table_is_whole` checks that it gives an automaton.
        Words {
            terms: Terms::new(terms, folded),
            sensitivities,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::text::is_han;

    #[test]
    fn the_table_is_whole() {
        let words = table();
        assert_eq!(words.sensitivities.len(), words.terms.len());
        assert!(words.terms.len() > 1_500, "{}", words.terms.len());
        let mut seen = BTreeSet::new();
        for row in rows(include_str!("words.tsv")) {
            assert_eq!(row.len(), 3, "{row:?}");
            let known = row[0] == "-" || Sensitivity::named(row[0]).is_some();
            assert!(known && ["en", "zh"].contains(&row[1]), "{row:?}");
            for term in row[2].split('|') {
                let bare = folded(term.trim_end_matches('*')).trim().to_owned();
                let pattern = format!("{}{bare}", if term.starts_with('_') { " " } else { "" });
                assert!(
                    !pattern.trim().is_empty(),
                    "an empty term would be everywhere"
                );
                assert!(!term.trim_end_matches('*').contains('*'), "{term}");
                // A term is in its language's row, so that the rules of its ends are meant.
                let han = pattern.chars().any(is_han);
                assert_eq!(han, row[1] == "zh", "{term}");
                assert!(seen.insert(pattern), "{term} stands twice");
            }
        }
    }

    #[test]
    fn words_are_whole_and_chinese_is_anywhere() {
        for text in [
            "HIV positive",
            "anti-HIV",
            "HIV-1",
            "HIV抗体阳性",
            "ＨＩＶ",
            "H.I.V.",
            "hIv",
            "schizophrenia",
            "患者有抑 郁 症 史",
            "憂鬱症",
            "愛滋病",
            "人工流產",
            "既往抑郁症史",
            "Pt. denies depression",
            "no history of HIV",
            "否认吸毒史",
            "Klinefelter's",
            "sickle-cell trait",
        ] {
            assert!(sensitivity(text).is_some(), "{text}");
        }
        for text in [
            "hives",
            "archive",
            "shivering",
            "grapes",
            "",
            " ",
            "...",
            "慢性病",
            "缺血性病变",
        ] {
            assert_eq!(sensitivity(text), None, "{text}");
        }
    }

    #[test]
    fn a_harmless_phrase_covers_only_itself() {
        assert_eq!(sensitivity("1 mm ST depression in V5"), None);
        assert_eq!(sensitivity("酒精棉球消毒"), None);
        assert_eq!(
            sensitivity("ST depression in V5; long-standing depression"),
            Some(Sensitivity::Psychiatry)
        );
        assert_eq!(
            sensitivity("酒精棉球消毒，酒精依赖"),
            Some(Sensitivity::Substance)
        );
    }

    #[test]
    fn a_harmless_phrase_is_no_beginning_of_a_diagnosis() {
        for text in ["AIDS with wasting", "AIDS in remission", "AIDS with PML"] {
            assert_eq!(sensitivity(text), Some(Sensitivity::Hiv), "{text}");
        }
        for text in ["Dependence on opioids", "dependence on alcohol"] {
            assert_eq!(sensitivity(text), Some(Sensitivity::Substance), "{text}");
        }
        for text in [
            "Hearing aids with new batteries",
            "walking aids in the house",
            "Dependence on supplemental oxygen",
            "Dependence on renal dialysis",
        ] {
            assert_eq!(sensitivity(text), None, "{text}");
        }
    }
}
