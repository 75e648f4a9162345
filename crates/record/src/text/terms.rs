//! Terms of a table, found in one pass over a folded text however many they are.
//!
//! A Latin term counts as whole words; its last word may go on where the table has `*`. A Chinese
//! term counts anywhere, with `_` before it only where a text or a run of signs begins.

use std::ops::Range;

use aho_corasick::AhoCorasick;

/// Terms, each known by its place among them.
pub(crate) struct Terms {
    automaton: AhoCorasick,
    terms: Vec<Term>,
}

struct Term {
    begins_word: bool,
    ends: Ends,
}

enum Ends {
    /// Anywhere: Chinese.
    Anywhere,
    /// Where its word does.
    Word,
    /// The word may go on, and is taken whole.
    Open,
}

impl Terms {
    /// The terms as a table writes them, `fold` being how the texts are folded that they are sought
    /// in. Whether they give an automaton is for a test of the table: here there are none then.
    pub(crate) fn new<'a>(
        terms: impl IntoIterator<Item = &'a str>,
        fold: impl Fn(&str) -> String,
    ) -> Self {
        let terms = terms.into_iter();
        let (patterns, terms): (Vec<String>, Vec<Term>) =
            terms.map(|term| Term::parse(term, &fold)).unzip();
        let automaton = AhoCorasick::new(&patterns).or_else(|_| AhoCorasick::new([""; 0]));
        Self {
            automaton: automaton.unwrap_or_else(|_| unreachable!("no patterns are no fault")),
            terms,
        }
    }

    /// Which terms stand in a folded text, and where: overlapping ones too.
    pub(crate) fn find<'a>(
        &'a self,
        folded: &'a str,
    ) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
        let found = self.automaton.find_overlapping_iter(folded.as_bytes());
        found.filter_map(move |found| {
            let place = found.pattern().as_usize();
            let term = self.terms.get(place)?;
            let end = term.end(folded.as_bytes(), found.start(), found.end())?;
            Some((place, found.start()..end))
        })
    }

    /// How many the automaton knows.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        assert_eq!(self.automaton.patterns_len(), self.terms.len());
        self.terms.len()
    }
}

impl Term {
    fn parse(term: &str, fold: &impl Fn(&str) -> String) -> (String, Self) {
        let folded = fold(term.trim_end_matches('*'));
        let bare = folded.trim();
        let pattern = if term.starts_with('_') {
            format!(" {bare}")
        } else {
            bare.to_owned()
        };
        let latin = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        let parsed = Self {
            begins_word: latin(pattern.chars().next()),
            ends: match latin(pattern.chars().last()) {
                _ if term.ends_with('*') => Ends::Open,
                true => Ends::Word,
                false => Ends::Anywhere,
            },
        };
        (pattern, parsed)
    }

    /// Where the term ends that was found at `start..end`; `None` when it is a piece of other
    /// words.
    fn end(&self, text: &[u8], start: usize, end: usize) -> Option<usize> {
        let before = start.checked_sub(1).and_then(|at| text.get(at));
        if self.begins_word && before.is_some_and(u8::is_ascii_alphanumeric) {
            return None;
        }
        let goes_on = text.get(end..).unwrap_or_default().iter();
        let more = goes_on
            .take_while(|byte| byte.is_ascii_alphanumeric())
            .count();
        match self.ends {
            Ends::Anywhere => Some(end),
            Ends::Word => (more == 0).then_some(end),
            Ends::Open => Some(end + more),
        }
    }
}
