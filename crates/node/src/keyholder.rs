//! The key holder: keeps shares of the rekeys of standing grants, and turns records with them for
//! their readers when, and only when, the consent contract allows it.
//!
//! [`KeyHolder::serve`] takes a [`ConsentChecked`], which only the ledger's check makes: no share
//! is touched without one, and every use is noted before it is answered. A one-shot sharing passes
//! through [`reencapsulate_once`] and leaves nothing behind.
//!
//! # Not promised
//! - Fewer than a grant's threshold of holders can do nothing with their shares; as many can,
//!   together with the reader, open the scopes. After a revocation a holder must be trusted to have
//!   erased its share when its receipt says so. See docs/THREATS.md.
//! - An erased share is gone from the database; pages that the file system or the disk keeps of its
//!   own accord are not overwritten.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use redb::{ReadableTable, TableDefinition};
use tokio::sync::OwnedMutexGuard;
use yilian_crypto::pre::{Partial, PartialContext, Rekey};
use yilian_ledger::consent::ConsentChecked;
use yilian_protocol::{
    ChainId, Cid, GrantId, MemberId,
    call::{CallError, OneShot, Page, Reencapsulated},
    codec::{Decode, Encode},
    grant::{Deposit, GrantedScope, SealedDeposit, SignedSecret, Use},
    limits::{CLOCK_SKEW_MS, USES_MAX},
    refusal::Refusal,
    sealed::SealedObject,
};

use crate::{answered::Asked, database::Reopened};

/// Grant and holder -> deposit.
const DEPOSITS: TableDefinition<'_, [u8; 64], &[u8]> = TableDefinition::new("deposits-v3");
/// Grant and holder -> the hash of the sealed deposit that was opened.
const OPENED: TableDefinition<'_, [u8; 64], [u8; 32]> = TableDefinition::new("opened-v1");
/// Grant and holder, for each receipt of an erasure that the chain does not have yet.
const OWED: TableDefinition<'_, [u8; 64], ()> = TableDefinition::new("receipts-owed-v1");
/// Grant and holder, number -> use.
const USES: TableDefinition<'_, ([u8; 64], u32), &[u8]> = TableDefinition::new("uses-v1");
/// When it was asked, the digest of the ask and the holder -> nothing, for the uses noted of asks
/// that are fresh: one that is sent again after a restart is no second use. A node may hold shares
/// for several members.
const NOTED: TableDefinition<'_, (u64, [u8; 32], [u8; 32]), ()> =
    TableDefinition::new("asks-noted-v1");

/// Deposits kept at hand; reading one from disk costs a subgroup check for every key in it.
const AT_HAND_MAX: usize = 256;

/// What a deposit is kept under.
type Name = [u8; 64];

fn name(grant: GrantId, holder: MemberId) -> Name {
    let mut name = [0; 64];
    let (first, second) = name.split_at_mut(32);
    first.copy_from_slice(grant.as_bytes());
    second.copy_from_slice(holder.as_bytes());
    name
}

/// The shares kept by one node, on disk.
#[derive(Debug)]
pub struct KeyHolder {
    database: Reopened,
    at_hand: Mutex<BTreeMap<Name, Arc<Deposit>>>,
    at_work: Mutex<BTreeMap<Name, Turn>>,
}

/// Whoever holds it opens a deposit.
type Turn = Arc<tokio::sync::Mutex<()>>;

impl KeyHolder {
    /// Opens the deposits kept in the file `path`, which is made when it is missing. Only its owner
    /// may read it.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when the file cannot be read, or another process has it open.
    pub fn open(path: &Path) -> Result<Self, KeyHolderError> {
        let database = Reopened::open(path).map_err(storage)?;
        let transaction = database.begin_write().map_err(storage)?;
        transaction.open_table(DEPOSITS).map_err(storage)?;
        transaction.open_table(USES).map_err(storage)?;
        transaction.open_table(NOTED).map_err(storage)?;
        transaction.open_table(OWED).map_err(storage)?;
        transaction.open_table(OPENED).map_err(storage)?;
        transaction.commit().map_err(storage)?;
        Ok(Self {
            database,
            at_hand: Mutex::default(),
            at_work: Mutex::default(),
        })
    }

    /// Finds out whether shares could be kept, after a failure too.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] says why not.
    pub(crate) fn probe(&self) -> Result<(), KeyHolderError> {
        self.database.probe().map_err(storage)
    }

    /// Waits until no other deposit for this grant and holder is being opened, and holds up the
    /// next until it is dropped: opening one takes up to a second, and whoever sends a hundred has
    /// them opened one after another.
    pub async fn turn(&self, grant: GrantId, holder: MemberId) -> OwnedMutexGuard<()> {
        let turn = {
            let mut at_work = lock(&self.at_work);
            at_work.retain(|_, turn| Arc::strong_count(turn) > 1);
            Arc::clone(at_work.entry(name(grant, holder)).or_default())
        };
        turn.lock_owned().await
    }

    /// Whether the deposit kept was opened from these very bytes.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when it cannot be read.
    pub fn opened(&self, sealed: &SealedDeposit) -> Result<bool, KeyHolderError> {
        let transaction = self.database.begin_read().map_err(storage)?;
        let table = transaction.open_table(OPENED).map_err(storage)?;
        let stored = table.get(name(sealed.grant, sealed.holder));
        let stored = stored.map_err(storage)?;
        Ok(stored.is_some_and(|stored| stored.value() == hash_of(sealed)))
    }

    /// Keeps a deposit that the consent contract accepted, with the [hash](hash_of) of what it was
    /// opened from; on disk when it returns.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when it cannot be written.
    pub fn keep(&self, deposit: &Deposit, hash: [u8; 32]) -> Result<(), KeyHolderError> {
        let name = name(deposit.grant, deposit.holder);
        self.put(name, &deposit.to_vec(), hash)
    }

    /// Keeps what is no deposit, for tests of what becomes of it.
    #[cfg(test)]
    pub(crate) fn put_bytes(&self, grant: GrantId, holder: MemberId, bytes: &[u8]) {
        self.put(name(grant, holder), bytes, [0; 32]).unwrap();
    }

    fn put(&self, name: Name, deposit: &[u8], hash: [u8; 32]) -> Result<(), KeyHolderError> {
        let mut at_hand = self.at_hand();
        at_hand.remove(&name);
        let transaction = self.database.begin_write().map_err(storage)?;
        {
            let mut table = transaction.open_table(DEPOSITS).map_err(storage)?;
            table.insert(name, deposit).map_err(storage)?;
            let mut opened = transaction.open_table(OPENED).map_err(storage)?;
            opened.insert(name, hash).map_err(storage)?;
        }
        transaction.commit().map_err(storage)
    }

    /// The deposit of a grant for one holder, if it is kept here.
    ///
    /// # Errors
    /// [`KeyHolderError`] when the storage is at fault.
    pub fn deposit(
        &self,
        grant: GrantId,
        holder: MemberId,
    ) -> Result<Option<Arc<Deposit>>, KeyHolderError> {
        let name = name(grant, holder);
        // Held throughout, so that an erasure cannot fall between reading and remembering.
        let mut at_hand = self.at_hand();
        if let Some(deposit) = at_hand.get(&name) {
            return Ok(Some(Arc::clone(deposit)));
        }
        let deposit = self.read(grant, &name)?.map(Arc::new);
        if let Some(deposit) = &deposit {
            if at_hand.len() >= AT_HAND_MAX {
                at_hand.pop_first();
            }
            at_hand.insert(name, Arc::clone(deposit));
        }
        Ok(deposit)
    }

    fn read(&self, grant: GrantId, name: &Name) -> Result<Option<Deposit>, KeyHolderError> {
        let transaction = self.database.begin_read().map_err(storage)?;
        let table = transaction.open_table(DEPOSITS).map_err(storage)?;
        let stored = table.get(name).map_err(storage)?;
        stored
            .map(|bytes| Deposit::from_slice(bytes.value()))
            .transpose()
            .map_err(|_| KeyHolderError::Corrupt { grant })
    }

    /// Erases a holder's shares of a grant; whether there were any. If so, and the grant was
    /// revoked, the chain is owed a receipt: that is on disk as soon as the shares are not. What
    /// was noted of their use stays.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when it cannot be written.
    pub fn erase(
        &self,
        grant: GrantId,
        holder: MemberId,
        cause: Cause,
    ) -> Result<bool, KeyHolderError> {
        let name = name(grant, holder);
        let mut at_hand = self.at_hand();
        at_hand.remove(&name);
        let transaction = self.database.begin_write().map_err(storage)?;
        let found = {
            let mut table = transaction.open_table(DEPOSITS).map_err(storage)?;
            let mut opened = transaction.open_table(OPENED).map_err(storage)?;
            opened.remove(name).map_err(storage)?;
            table.remove(name).map_err(storage)?.is_some()
        };
        if found && cause == Cause::Revoked {
            let mut owed = transaction.open_table(OWED).map_err(storage)?;
            owed.insert(name, ()).map_err(storage)?;
        }
        transaction.commit().map_err(storage)?;
        Ok(found)
    }

    /// Whose erasures of which grants the chain has no receipt of yet.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when they cannot be read.
    pub(crate) fn owed(&self) -> Result<Vec<(GrantId, MemberId)>, KeyHolderError> {
        self.names(OWED)
    }

    /// Notes that the chain has the receipt.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when it cannot be written.
    pub(crate) fn settle(&self, grant: GrantId, holder: MemberId) -> Result<(), KeyHolderError> {
        let transaction = self.database.begin_write().map_err(storage)?;
        {
            let mut owed = transaction.open_table(OWED).map_err(storage)?;
            owed.remove(name(grant, holder)).map_err(storage)?;
        }
        transaction.commit().map_err(storage)
    }

    /// Turns the record that `consent` allows towards the reader of its grant, and notes `usage`,
    /// on disk before it returns; once for an ask, also when it is made again after a restart. Of
    /// an emergency grant, the holder's share of the scope's secret comes with it: for the reader
    /// alone.
    ///
    /// # Errors
    /// Outer: the storage. Inner: [`Refusal::NotKeyHolder`] when the shares are not here,
    /// [`Refusal::CapsuleNotProven`] when `object` is not of the scope.
    pub fn serve(
        &self,
        chain: ChainId,
        consent: &ConsentChecked,
        deposit: &Deposit,
        object: &SealedObject,
        (usage, asked): (&Use, &Asked),
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<Result<Served, Refusal>, KeyHolderError> {
        let shared = (deposit.grant == consent.grant())
            .then(|| share_for(deposit, consent))
            .flatten();
        let Some((scope, share, secret)) = shared else {
            return Ok(Err(Refusal::NotKeyHolder));
        };
        let Ok(proven) = object.verify(chain, consent.scope()) else {
            return Ok(Err(Refusal::CapsuleNotProven));
        };
        self.note(name(deposit.grant, deposit.holder), usage, asked)?;
        let context = PartialContext {
            scope_key: consent.scope(),
            delegatee: consent.reader(),
            index: consent.holder(),
            commitment: &scope.commitment.0,
        };
        Ok(Ok(Served {
            partial: Partial::make(&proven, share, &context, rng),
            secret: secret.cloned(),
        }))
    }

    fn note(&self, name: Name, usage: &Use, asked: &Asked) -> Result<(), KeyHolderError> {
        let transaction = self.database.begin_write().map_err(storage)?;
        {
            let mut noted = transaction.open_table(NOTED).map_err(storage)?;
            let stale = usage.at.get().saturating_sub(CLOCK_SKEW_MS);
            noted
                .retain_in(..(stale, [0; 32], [0; 32]), |_, ()| false)
                .map_err(storage)?;
            let ask = (asked.at.get(), asked.digest, asked.holder.to_bytes());
            if noted.insert(ask, ()).map_err(storage)?.is_some() {
                // Nothing is to be committed.
                return Ok(());
            }
            let mut table = transaction.open_table(USES).map_err(storage)?;
            let number = count_uses(&table, name)?;
            let bytes = usage.to_vec();
            table
                .insert((name, number), bytes.as_slice())
                .map_err(storage)?;
        }
        transaction.commit().map_err(storage)
    }

    /// How a holder's shares of a grant were used, from the use `from` on.
    ///
    /// # Errors
    /// [`KeyHolderError`] when the storage is at fault.
    pub fn uses(
        &self,
        grant: GrantId,
        holder: MemberId,
        from: u32,
    ) -> Result<Page<Use>, KeyHolderError> {
        let name = name(grant, holder);
        let transaction = self.database.begin_read().map_err(storage)?;
        let table = transaction.open_table(USES).map_err(storage)?;
        let total = count_uses(&table, name)?;
        let range = table.range((name, from)..=(name, u32::MAX));
        let mut entries = Vec::new();
        for entry in range.map_err(storage)?.take(USES_MAX) {
            let usage = Use::from_slice(entry.map_err(storage)?.1.value());
            entries.push(usage.map_err(|_| KeyHolderError::Corrupt { grant })?);
        }
        Ok(Page { entries, total })
    }

    /// Whose shares of which grants are kept.
    ///
    /// # Errors
    /// [`KeyHolderError::Storage`] when they cannot be read.
    pub fn kept(&self) -> Result<Vec<(GrantId, MemberId)>, KeyHolderError> {
        self.names(DEPOSITS)
    }

    fn names<V: redb::Value + 'static>(
        &self,
        table: TableDefinition<'_, Name, V>,
    ) -> Result<Vec<(GrantId, MemberId)>, KeyHolderError> {
        let transaction = self.database.begin_read().map_err(storage)?;
        let table = transaction.open_table(table).map_err(storage)?;
        let mut kept = Vec::new();
        for entry in table.iter().map_err(storage)? {
            let name = entry.map_err(storage)?.0.value();
            let ids = name.split_first_chunk::<32>();
            let ids = ids.and_then(|(grant, rest)| Some((grant, rest.first_chunk::<32>()?)));
            let Some((grant, holder)) = ids else {
                continue;
            };
            kept.push((GrantId::from_bytes(*grant), MemberId::from_bytes(*holder)));
        }
        Ok(kept)
    }

    fn at_hand(&self) -> MutexGuard<'_, BTreeMap<Name, Arc<Deposit>>> {
        lock(&self.at_hand)
    }
}

/// Every change is one call, so a panic elsewhere leaves nothing half-made.
fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// By which a sealed deposit is known again; see [`KeyHolder::opened`].
#[must_use]
pub fn hash_of(sealed: &SealedDeposit) -> [u8; 32] {
    Cid::of(sealed.sealed.as_slice()).to_bytes()
}

/// Uses are numbered from 0 without gaps, and none is ever removed.
fn count_uses(
    table: &impl ReadableTable<(Name, u32), &'static [u8]>,
    name: Name,
) -> Result<u32, KeyHolderError> {
    let mut all = table.range((name, 0)..=(name, u32::MAX)).map_err(storage)?;
    match all.next_back() {
        Some(last) => Ok(last.map_err(storage)?.0.value().1.saturating_add(1)),
        None => Ok(0),
    }
}

/// Why shares are erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The grant was revoked: the holder says on the chain that it has done so.
    Revoked,
    /// The grant's time is over, as anybody sees.
    Expired,
}

/// What a holder has for a reader.
#[derive(Debug)]
pub struct Served {
    /// Its part of the record's key.
    pub partial: Partial,
    /// Of an emergency grant, its share of the scope's secret.
    pub secret: Option<SignedSecret>,
}

fn share_for<'a>(
    deposit: &'a Deposit,
    consent: &ConsentChecked,
) -> Option<(&'a GrantedScope, &'a Rekey, Option<&'a SignedSecret>)> {
    let mut pairs = deposit.terms.scopes.iter().zip(deposit.shares.iter());
    let place = pairs.position(|(scope, _)| scope.key == *consent.scope())?;
    let (scope, share) = (deposit.terms.scopes.get(place)?, deposit.shares.get(place)?);
    Some((scope, share, deposit.secrets.get(place)))
}

/// Re-encapsulates one record with a rekey that is used now and then gone.
///
/// # Errors
/// [`Refusal::CapsuleNotProven`] when `object` is not of the scope named.
pub fn reencapsulate_once(
    chain: ChainId,
    request: &OneShot,
    object: &SealedObject,
    rng: &mut impl rand_core::CryptoRng,
) -> Result<Reencapsulated, Refusal> {
    let proven = object
        .verify(chain, &request.scope)
        .map_err(|_| Refusal::CapsuleNotProven)?;
    let turned = Reencapsulated::turn(request.form, &proven, &request.rekey, rng);
    Ok(turned)
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

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use yilian_protocol::{CertificateId, RecordId, TimeMs, codec::Blob, grant::Purpose};

    use super::*;

    const GRANT: GrantId = GrantId::from_bytes([1; 32]);
    const HOLDER: MemberId = MemberId::from_bytes([2; 32]);

    fn sealed(byte: u8) -> SealedDeposit {
        SealedDeposit {
            grant: GRANT,
            holder: HOLDER,
            hops: byte,
            sealed: Blob::new(vec![byte; 10]).unwrap(),
        }
    }

    #[test]
    fn a_deposit_sent_again_is_not_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deposits.redb");
        let keeper = KeyHolder::open(&path).unwrap();
        assert!(!keeper.opened(&sealed(1)).unwrap());
        let hash = hash_of(&sealed(1));
        keeper.put(name(GRANT, HOLDER), b"shares", hash).unwrap();
        drop(keeper);
        let keeper = KeyHolder::open(&path).unwrap();
        assert!(keeper.opened(&sealed(1)).unwrap());
        let passed_on = SealedDeposit {
            hops: 7,
            ..sealed(1)
        };
        assert!(keeper.opened(&passed_on).unwrap());
        assert!(!keeper.opened(&sealed(2)).unwrap());
        let holder = MemberId::from_bytes([3; 32]);
        let other = SealedDeposit {
            holder,
            ..sealed(1)
        };
        assert!(!keeper.opened(&other).unwrap());
        keeper.erase(GRANT, HOLDER, Cause::Expired).unwrap();
        assert!(!keeper.opened(&sealed(1)).unwrap(), "it is gone");
    }

    #[test]
    fn fault_13_an_ask_sent_again_after_a_restart_is_a_second_use() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deposits.redb");
        let reader = CertificateId::from_bytes([5; 32]);
        let note = |digest: u8, asked: u64, now: u64| {
            let usage = Use {
                record: RecordId::from_bytes([6; 32]),
                reader,
                purpose: Purpose::Treatment,
                at: TimeMs::new(now),
            };
            let asked = Asked {
                at: TimeMs::new(asked),
                digest: [digest; 32],
                holder: HOLDER,
                reader,
            };
            // Each time as after a restart.
            let keeper = KeyHolder::open(&path).unwrap();
            keeper.note(name(GRANT, HOLDER), &usage, &asked).unwrap();
            // Another member's share on the same node is used as well.
            let holder = MemberId::from_bytes([3; 32]);
            let other = Asked { holder, ..asked };
            keeper.note(name(GRANT, holder), &usage, &other).unwrap();
            let total = |holder| keeper.uses(GRANT, holder, 0).unwrap().total;
            assert_eq!(total(HOLDER), total(holder));
            total(HOLDER)
        };
        let begin = 10 * CLOCK_SKEW_MS;
        assert_eq!(note(1, begin, begin), 1);
        assert_eq!(note(1, begin, begin + CLOCK_SKEW_MS), 1);
        assert_eq!(note(2, begin, begin), 2);
        assert_eq!(note(1, begin + 1, begin + 1), 3);
        // What is stale is refused before it comes here; it is not kept.
        let later = begin + 2 * CLOCK_SKEW_MS;
        assert_eq!(note(3, later, later), 4);
        let keeper = KeyHolder::open(&path).unwrap();
        let transaction = keeper.database.begin_read().unwrap();
        let noted = transaction.open_table(NOTED).unwrap();
        assert_eq!(noted.iter().unwrap().count(), 2);
    }

    #[tokio::test]
    async fn of_one_grant_one_deposit_is_opened_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let keeper = KeyHolder::open(&folder.path().join("deposits.redb")).unwrap();
        let first = keeper.turn(GRANT, HOLDER).await;
        let mut second = Box::pin(keeper.turn(GRANT, HOLDER));
        assert!(second.as_mut().now_or_never().is_none());
        let other = GrantId::from_bytes([4; 32]);
        drop(keeper.turn(other, HOLDER).await);
        drop(first);
        drop(second.await);
        drop(keeper.turn(GRANT, HOLDER).await);
        assert_eq!(lock(&keeper.at_work).len(), 1, "who is done is forgotten");
    }
}
