//! The words of the Core Business Vocabulary, from `cbv.tsv`, and the three spellings each has.

use std::{collections::HashSet, sync::LazyLock};

static WORDS: LazyLock<HashSet<(&'static str, &'static str)>> = LazyLock::new(|| {
    include_str!("cbv.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// A list of the vocabulary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// What step of business the event is part of (CBV 7.1).
    BizStep,
    /// In which state the objects are afterwards (CBV 7.2).
    Disposition,
    /// What kind of document a transaction is (CBV 7.3).
    BizTransaction,
    /// What a source or destination is (CBV 7.4).
    SourceDestination,
    /// Why an event is declared wrong (CBV 7.5).
    ErrorReason,
    /// Which component of a vector a measurement is (CBV 7.6).
    Component,
    /// What a sensor measures (GS1 Web Vocabulary).
    Measurement,
    /// Which exceptional state a sensor reports (GS1 Web Vocabulary).
    Alert,
}

impl List {
    /// Its name in the table, and in addresses.
    const fn code(self) -> &'static str {
        match self {
            Self::BizStep => "BizStep",
            Self::Disposition => "Disp",
            Self::BizTransaction => "BTT",
            Self::SourceDestination => "SDT",
            Self::ErrorReason => "ER",
            Self::Component => "Comp",
            Self::Measurement => "MT",
            Self::Alert => "Alert",
        }
    }

    /// Its name in the addresses of EPCIS 1.2.
    const fn urn(self) -> Option<&'static str> {
        match self {
            Self::BizStep => Some("bizstep"),
            Self::Disposition => Some("disp"),
            Self::BizTransaction => Some("btt"),
            Self::SourceDestination => Some("sdt"),
            Self::ErrorReason => Some("er"),
            _ => None,
        }
    }

    /// The word that `text` spells: bare, `cbv:BizStep-word`, `gs1:word`, or as an address. `None`
    /// when it is none of the list's.
    #[must_use]
    pub fn word(self, text: &str) -> Option<&str> {
        let word = match self.standard(text) {
            Some(word) => word,
            None if text.contains(':') => return None,
            None => text,
        };
        WORDS.contains(&(self.code(), word)).then_some(word)
    }

    /// What follows the list's own prefix in `text`, whether or not the list has it.
    pub(super) fn standard(self, text: &str) -> Option<&str> {
        if matches!(self, Self::Measurement | Self::Alert) {
            return ["gs1:", "https://gs1.org/voc/", "https://www.gs1.org/voc/"]
                .into_iter()
                .find_map(|prefix| text.strip_prefix(prefix));
        }
        let urn = || {
            let rest = text.strip_prefix("urn:epcglobal:cbv:")?;
            rest.strip_prefix(self.urn()?)?.strip_prefix(':')
        };
        ["cbv:", "https://ref.gs1.org/cbv/"]
            .into_iter()
            .find_map(|prefix| {
                let rest = text.strip_prefix(prefix)?;
                rest.strip_prefix(self.code())?.strip_prefix('-')
            })
            .or_else(urn)
    }
}
