//! The key holder: keeps the rekeys of standing grants, and re-encapsulates for their readers when, and only when, the consent contract allows it.
//!
//! [`KeyHolder::serve`] takes a [`ConsentChecked`], which only the ledger's check makes: no rekey is touched without one. A one-shot sharing passes
//! through [`reencapsulate_once`] and leaves nothing behind.
//!
//! # Not promised
//! A single holder keeps whole rekeys: with the reader's help it could open the scopes of the grants it holds, and after a revocation it must be
//! trusted to have deleted them. See docs/THREATS.md.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{Database, ReadableDatabase, TableDefinition};
use yilian_crypto::pre::{self, Rekey};
use yilian_ledger::consent::ConsentChecked;
use yilian_protocol::{
    GrantId,
    codec::{Decode, Encode},
    grant::Deposit,
    refusal::Refusal,
    sealed::SealedObject,
    transport::{CallError, Form, OneShot, Reencapsulated},
};

/// Grant id -> deposit.
const DEPOSITS: TableDefinition<'_, [u8; 32], &[u8]> = TableDefinition::new("deposits-v1");

/// Deposits kept at hand; reading one from disk costs a subgroup check for every key in it.
const AT_HAND_MAX: usize = 256;

/// The rekeys kept by one node, on disk.
#[derive(Debug)]
pub struct KeyHolder {
    database: Database,
    at_hand: Mutex<BTreeMap<GrantId, Arc<Deposit>>>,
}

impl KeyHolder {
    /// Opens the deposits kept in the file `path`, which is made when it is missing.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when the file cannot be read, or another process has it open.
    pub fn open(path: &Path) -> Result<Self, KeyHolderError> {
        let database = Database::create(path).map_err(storage)?;
        let transaction = database.begin_write().map_err(storage)?;
        transaction.open_table(DEPOSITS).map_err(storage)?;
        transaction.commit().map_err(storage)?;
        Ok(Self {
            database,
            at_hand: Mutex::default(),
        })
    }

    /// Keeps a deposit that the consent contract accepted; on disk when it returns.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when it cannot be written.
    pub fn keep(&self, deposit: &Deposit) -> Result<(), KeyHolderError> {
        let mut at_hand = self.at_hand();
        at_hand.remove(&deposit.grant);
        let transaction = self.database.begin_write().map_err(storage)?;
        {
            let mut table = transaction.open_table(DEPOSITS).map_err(storage)?;
            let bytes = deposit.to_vec();
            table
                .insert(deposit.grant.to_bytes(), bytes.as_slice())
                .map_err(storage)?;
        }
        transaction.commit().map_err(storage)
    }

    /// The deposit of a grant, if this node holds it.
    ///
    /// # Errors
    /// [`KeyHolderError`] when the storage is at fault.
    pub fn deposit(&self, grant: GrantId) -> Result<Option<Arc<Deposit>>, KeyHolderError> {
        // Held throughout, so that an erasure cannot fall between reading and remembering.
        let mut at_hand = self.at_hand();
        if let Some(deposit) = at_hand.get(&grant) {
            return Ok(Some(Arc::clone(deposit)));
        }
        let deposit = self.read(grant)?.map(Arc::new);
        if let Some(deposit) = &deposit {
            if at_hand.len() >= AT_HAND_MAX {
                at_hand.pop_first();
            }
            at_hand.insert(grant, Arc::clone(deposit));
        }
        Ok(deposit)
    }

    fn read(&self, grant: GrantId) -> Result<Option<Deposit>, KeyHolderError> {
        let transaction = self.database.begin_read().map_err(storage)?;
        let table = transaction.open_table(DEPOSITS).map_err(storage)?;
        let stored = table.get(grant.to_bytes()).map_err(storage)?;
        stored
            .map(|bytes| Deposit::from_slice(bytes.value()))
            .transpose()
            .map_err(|_| KeyHolderError::Corrupt { grant })
    }

    /// Erases the rekeys of a grant; whether there were any.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when it cannot be written.
    pub fn erase(&self, grant: GrantId) -> Result<bool, KeyHolderError> {
        let mut at_hand = self.at_hand();
        at_hand.remove(&grant);
        let transaction = self.database.begin_write().map_err(storage)?;
        let found = {
            let mut table = transaction.open_table(DEPOSITS).map_err(storage)?;
            table.remove(grant.to_bytes()).map_err(storage)?.is_some()
        };
        transaction.commit().map_err(storage)?;
        Ok(found)
    }

    /// Turns the record that `consent` allows towards the reader of its grant.
    ///
    /// # Errors
    /// [`Refusal::NotKeyHolder`] when the rekeys are not here, [`Refusal::CapsuleNotProven`] when `object` is not of the scope.
    pub fn serve(
        &self,
        consent: ConsentChecked,
        deposit: &Deposit,
        object: &SealedObject,
    ) -> Result<Reencapsulated, Refusal> {
        let rekey = (deposit.grant == consent.grant())
            .then(|| rekey_for(deposit, &consent))
            .flatten()
            .ok_or(Refusal::NotKeyHolder)?;
        let proven = object
            .header()
            .verify(consent.scope())
            .map_err(|_| Refusal::CapsuleNotProven)?;
        Ok(Reencapsulated::Gt(pre::reencapsulate(&proven, rekey)))
    }

    /// Every change is one call, so a panic elsewhere leaves nothing half-made.
    fn at_hand(&self) -> MutexGuard<'_, BTreeMap<GrantId, Arc<Deposit>>> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn rekey_for<'a>(deposit: &'a Deposit, consent: &ConsentChecked) -> Option<&'a Rekey> {
    let place = deposit
        .terms
        .scopes
        .iter()
        .position(|scope| scope.0 == *consent.scope())?;
    deposit.rekeys.get(place)
}

/// Re-encapsulates one record with a rekey that is used now and then gone.
///
/// # Errors
/// [`Refusal::CapsuleNotProven`] when `object` is not of the scope named.
pub fn reencapsulate_once(
    request: &OneShot,
    object: &SealedObject,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<Reencapsulated, Refusal> {
    let proven = object
        .header()
        .verify(&request.scope)
        .map_err(|_| Refusal::CapsuleNotProven)?;
    Ok(match request.form {
        Form::Gt => Reencapsulated::Gt(pre::reencapsulate(&proven, &request.rekey)),
        Form::Lv => Reencapsulated::Lv(pre::reencapsulate_lv(&proven, &request.rekey, rng)),
    })
}

/// A fault of the key holder's storage; its operator must look.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyHolderError {
    /// The file cannot be read or written.
    #[error("the key holder's storage failed: {0}")]
    Storage(redb::Error),
    /// A deposit does not decode.
    #[error("the deposit of grant {grant} is damaged")]
    Corrupt {
        /// The grant.
        grant: GrantId,
    },
}

impl From<KeyHolderError> for CallError {
    fn from(error: KeyHolderError) -> Self {
        Self::Unavailable {
            message: error.to_string(),
        }
    }
}

fn storage(error: impl Into<redb::Error>) -> KeyHolderError {
    KeyHolderError::Storage(error.into())
}
