//! What an author's device remembers of the visits that it sealed: so that a visit is not sealed
//! twice by mistake, and a history goes on after a break.
//!
//! [`SealNotes`] are of one visit, told from others by [`crate::drafts::visit_id`]. Their owner
//! keeps them after every change and before the next step. A request is noted before it is sent:
//! after a break the very same is sent again, unless its records stand on the chain. Only when a
//! rule refuses it, and the chain has none of its records, is the visit signed anew.
//!
//! ```text
//! nothing --begin--> request kept --send--> final --settle--> records and block kept
//!    ^                     |
//!    '---- refused --------'
//! ```

use std::future::ready;

use yilian_crypto::pseudonym::Nym;
use yilian_protocol::{
    Height, RecordId, TimeMs,
    call::{SealRequest, Transport},
    codec::{Decode as _, DecodeError, Encode as _},
    fixed,
};

use crate::{ClientError, Session};

/// Keeps a request before it is sent: see [`SealNotes::begin`]. A closure does where files are
/// written; a browser keeps in its own time.
pub trait KeepRequest<E> {
    /// Keeps `request`: whatever ends the program after this returned, it is there.
    ///
    /// # Errors
    /// When it cannot be kept; then nothing was sent.
    fn keep(&mut self, request: &SealRequest) -> impl Future<Output = Result<(), E>>;
}

impl<E, F: FnMut(&SealRequest) -> Result<(), E>> KeepRequest<E> for F {
    fn keep(&mut self, request: &SealRequest) -> impl Future<Output = Result<(), E>> {
        ready(self(request))
    }
}

/// What was sealed of one visit, under one token or several. Holds no plaintext.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct SealNotes(Vec<SealNote>);

/// A visit that was sealed, or was about to be.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SealNote {
    /// The pseudonym of the token.
    #[serde(with = "fixed::Hex::<Nym>")]
    nym: Nym,
    /// The records, and how sensitive each is.
    pub parts: Vec<(RecordId, String)>,
    /// Bytes of their sealed objects.
    pub bytes: usize,
    /// When it was signed.
    pub at: TimeMs,
    /// The block in which they are final.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<Height>,
    /// What was sent, in hex digits, until its end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<String>,
}

impl SealNotes {
    /// Notes that `request` is about to be sent, with parts of these levels. Replaces what was
    /// about to be sent under the same token before.
    pub fn begin(&mut self, request: &SealRequest, levels: &[String], at: TimeMs) {
        let records = request.visit.records.iter().map(|sealed| sealed.record);
        let nym = request.visit.nym;
        self.0
            .retain(|note| note.height.is_some() || note.nym != nym);
        self.0.push(SealNote {
            nym,
            parts: records.zip(levels.iter().cloned()).collect(),
            bytes: request
                .objects
                .iter()
                .map(|object| object.as_slice().len())
                .sum(),
            at,
            height: None,
            request: Some(hex::encode(request.to_vec())),
        });
    }

    /// Notes that what was about to be sent for `nym` is final in `height`.
    pub fn settle(&mut self, nym: &Nym, height: Height) {
        let open = self.0.iter_mut().filter(|note| note.request.is_some());
        for note in open.filter(|note| note.nym == *nym) {
            note.height = Some(height);
            note.request = None;
        }
    }

    /// What is final, the latest: its records with their levels, and the block that holds them.
    #[must_use]
    pub fn latest(&self) -> Option<(&[(RecordId, String)], Height)> {
        let mut settled = self.0.iter().rev();
        settled.find_map(|note| Some((note.parts.as_slice(), note.height?)))
    }

    /// Whether something was sent whose end is not known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.iter().any(|note| note.request.is_some())
    }

    /// Sends again what was sent and whose end is not known. Afterwards nothing is open: it is
    /// final, or was refused and is forgotten.
    ///
    /// # Errors
    /// When the node does not answer: then it stays open. The notes are to be kept all the same.
    pub async fn finish<T: Transport>(&mut self, session: &Session<T>) -> Result<(), ClientError> {
        for note in &mut self.0 {
            let Some(text) = &note.request else { continue };
            let height = match on_chain(session, note.parts.first()).await? {
                Some(height) => Some(height),
                None => send_again(session, text, note.parts.first()).await?,
            };
            note.height = height;
            note.request = None;
        }
        self.0.retain(|note| note.height.is_some());
        Ok(())
    }

    /// What is final under the token of this pseudonym.
    #[must_use]
    pub fn under(&self, nym: &Nym) -> Option<&SealNote> {
        let mut settled = self.0.iter().filter(|note| note.height.is_some());
        settled.find(|note| note.nym == *nym)
    }

    /// What is final under the token of another pseudonym, the latest.
    #[must_use]
    pub fn under_another(&self, nym: &Nym) -> Option<&SealNote> {
        let mut settled = self.0.iter().filter(|note| note.height.is_some());
        settled.rfind(|note| note.nym != *nym)
    }
}

/// The block in which a record is final; `None` when it is proven that it is in none.
async fn on_chain<T: Transport>(
    session: &Session<T>,
    part: Option<&(RecordId, String)>,
) -> Result<Option<Height>, ClientError> {
    let Some((record, _)) = part else {
        return Ok(None);
    };
    let found = session.find_record(*record).await?;
    Ok(found.map(|entry| entry.admitted.height))
}

/// Sends a kept request; `None` when a rule refuses it and it has no effect.
async fn send_again<T: Transport>(
    session: &Session<T>,
    text: &str,
    part: Option<&(RecordId, String)>,
) -> Result<Option<Height>, ClientError> {
    let wrong = || DecodeError::Invalid {
        what: "kept request",
    };
    let bytes = hex::decode(text).map_err(|_| wrong())?;
    let request = SealRequest::from_slice(&bytes).map_err(|_| wrong())?;
    match session.seal(request).await {
        Ok(receipt) => Ok(Some(receipt.header.height)),
        // The same may have been under way all the time.
        Err(error) if error.refusal().is_some() => on_chain(session, part).await,
        Err(error) => Err(error),
    }
}
