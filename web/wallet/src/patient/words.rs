//! A patient's 24 words: drawn and asked back, or typed.

use std::collections::BTreeSet;

use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{Patient, Wallet};
use yilian_crypto::seed::{Language, Seed};
use yilian_protocol::ChainId;
use zeroize::Zeroizing;

use super::{Held, PatientClient, locked};
use crate::{
    shared::told,
    trouble::{Fault, Trouble},
};

/// How many of the words are asked back.
const ASKED: usize = 3;

/// Words whose wallet is not kept yet.
#[derive(Debug)]
pub(super) struct Fresh {
    seed: Seed,
    language: Language,
    /// The places of the words that are asked back, from 0.
    asked: BTreeSet<usize>,
    /// Whether whoever has them knows them.
    is_proven: bool,
    /// What was found with them.
    wallet: Option<Wallet>,
}

impl Fresh {
    fn new(language: Language, rng: &mut impl rand::CryptoRng) -> Self {
        let mut asked = BTreeSet::new();
        while asked.len() < ASKED {
            let place = rng.next_u32() % Seed::WORDS as u32;
            asked.insert(place as usize);
        }
        Self {
            seed: Seed::random(rng),
            language,
            asked,
            is_proven: false,
            wallet: None,
        }
    }

    fn words(&self) -> Zeroizing<String> {
        self.seed.to_words(self.language)
    }

    /// Whether `typed` are the words that are asked back.
    fn is(&self, typed: &[String]) -> bool {
        let words = self.words();
        let words = words.split(' ').enumerate();
        let asked = words.filter(|(place, _)| self.asked.contains(place));
        let typed = typed.iter().map(|word| word.trim().to_ascii_lowercase());
        asked.map(|(_, word)| word).eq(typed)
    }

    /// Seed and wallet, when whoever has the words knows them.
    pub(super) fn proven(&self, chain: ChainId) -> Result<(Seed, Wallet), Trouble> {
        if !self.is_proven {
            return Err(locked());
        }
        let wallet = self.wallet.clone();
        let wallet = wallet.unwrap_or_else(|| Wallet::new(chain));
        Ok((self.seed.clone(), wallet))
    }
}

/// What words led to.
#[derive(Debug, Clone, Copy, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct RecoveredView {
    /// Visits of which something was sealed.
    pub visits: usize,
    /// Grants.
    pub grants: usize,
    /// Visits whose records cannot be read now: no grant covers them.
    pub unread: usize,
}

#[wasm_bindgen]
impl PatientClient {
    /// Draws new words, a blank between two. They are told once; the page shows them, and keeps
    /// them nowhere.
    ///
    /// # Errors
    /// [`Fault::Invalid`] while a wallet is open.
    #[wasm_bindgen(js_name = drawWords)]
    pub fn draw_words(&self, chinese: bool) -> Result<String, Trouble> {
        let language = match chinese {
            true => Language::SimplifiedChinese,
            false => Language::English,
        };
        let fresh = Fresh::new(language, &mut rand::rng());
        let words = fresh.words().to_string();
        self.hold(fresh)?;
        Ok(words)
    }

    /// Which words are asked back: their numbers, from 1.
    ///
    /// # Errors
    /// [`Fault::Locked`] when none were drawn.
    #[wasm_bindgen(js_name = askedBack)]
    pub fn asked_back(&self) -> Result<Vec<u32>, Trouble> {
        match &*self.held.borrow() {
            Held::Words(fresh) => {
                let asked = fresh.asked.iter();
                let asked = asked.filter_map(|place| u32::try_from(place + 1).ok());
                Ok(asked.collect())
            }
            Held::Nothing | Held::Open(_) => Err(locked()),
        }
    }

    /// Whether these are the words that were asked back.
    ///
    /// # Errors
    /// [`Fault::Locked`] when none were drawn.
    #[wasm_bindgen(js_name = confirmWords)]
    pub fn confirm_words(&self, typed: Vec<String>) -> Result<bool, Trouble> {
        match &mut *self.held.borrow_mut() {
            Held::Words(fresh) => {
                fresh.is_proven |= fresh.is(&typed);
                Ok(fresh.is_proven)
            }
            Held::Nothing | Held::Open(_) => Err(locked()),
        }
    }

    /// Makes a wallet again from its words alone: looks on the chain for visits and grants.
    ///
    /// # Errors
    /// [`Fault::NotTheWords`]; else when the node does not answer.
    #[wasm_bindgen(js_name = recoverWords)]
    pub async fn recover_words(&self, words: String) -> Result<Ts<RecoveredView>, Trouble> {
        let words = Zeroizing::new(words);
        let seed = Seed::from_words(words.trim());
        let seed = seed.map_err(|error| Trouble::new(Fault::NotTheWords, error))?;
        let mut patient = Patient::new(&seed, Wallet::new(self.session.chain()));
        let (visits, grants) = patient.recover(&self.session).await?;
        let unread = patient.complete(&self.session).await?;
        self.hold(Fresh {
            seed,
            language: Language::English,
            asked: BTreeSet::new(),
            is_proven: true,
            wallet: Some(patient.wallet().clone()),
        })?;
        told(&RecoveredView {
            visits,
            grants,
            unread,
        })
    }
}

impl PatientClient {
    fn hold(&self, fresh: Fresh) -> Result<(), Trouble> {
        let mut held = self.held.borrow_mut();
        if matches!(*held, Held::Open(_)) {
            return Err(Trouble::invalid("a wallet is open"));
        }
        *held = Held::Words(Box::new(fresh));
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn asked(fresh: &Fresh) -> Vec<String> {
        let words = fresh.words();
        let words = words.split(' ').enumerate();
        let asked = words.filter(|(place, _)| fresh.asked.contains(place));
        asked.map(|(_, word)| word.to_owned()).collect()
    }

    #[test]
    fn three_words_are_asked_back_and_only_those_confirm() {
        for language in [Language::English, Language::SimplifiedChinese] {
            let fresh = Fresh::new(language, &mut rand::rng());
            assert_eq!(fresh.asked.len(), ASKED);
            let right = asked(&fresh);
            assert!(fresh.is(&right));
            let loud: Vec<_> = right
                .iter()
                .map(|word| format!(" {} ", word.to_uppercase()))
                .collect();
            assert!(fresh.is(&loud), "case and blanks do not matter");
            let mut wrong = right.clone();
            "qqq".clone_into(wrong.first_mut().unwrap());
            assert!(!fresh.is(&wrong));
            assert!(!fresh.is(&right[..2]) && !fresh.is(&[]));
        }
    }

    #[test]
    fn words_that_nobody_confirmed_make_no_wallet() {
        let mut fresh = Fresh::new(Language::English, &mut rand::rng());
        let chain = ChainId::from_bytes([1; 32]);
        assert_eq!(fresh.proven(chain).unwrap_err().fault, Fault::Locked);
        fresh.is_proven = true;
        let (seed, wallet) = fresh.proven(chain).unwrap();
        assert!(seed == fresh.seed && wallet == Wallet::new(chain));
        let again = Seed::from_words(&fresh.words()).unwrap();
        assert!(again == fresh.seed);
    }
}
