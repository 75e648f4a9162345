//! Mailboxes on disk: letters for thirty days, the stamps that were used for them, and how many
//! stamps were made for whom. docs/PROTOCOL.md 12.4.
//!
//! Everything a letter changes is one transaction of the database: a letter that is acknowledged is
//! kept, counted, and its stamp noted, or none of it. So the same letter sent again is told the
//! same, and is no second one.

mod proofs;
mod sweep;
#[cfg(test)]
mod tests;

use std::path::Path;

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use yilian_crypto::sign::VerifyingKey;
use yilian_protocol::{
    MailId, MemberId, TimeMs,
    call::{CallError, Page},
    codec::Encode as _,
    limits::{
        MAIL_MAX, MAIL_MS, MAIL_OF_MEMBER_MAX, MAIL_PAGE_MAX, MAILBOX_LARGEST_MAX,
        MAILBOX_LETTERS_MAX, STAMP_DAYS,
    },
    mail::SealedMail,
    mailbox::{Delivery, KeptMail},
    refusal::Refusal,
    stamp::{StampAsker, StampDay},
};

use crate::database::Reopened;

pub use proofs::Proofs;
pub use sweep::MailSweeper;

/// Bytes of letters that a node keeps at most: a gigabyte. A member's stamps hold no more of it
/// than they leave free when a letter comes, so there is always room for the next member's.
/// (Choudhury and Hahne, "Dynamic queue length thresholds for shared-memory packet switches",
/// 1998.)
const BYTES_MAX: u64 = 1 << 30;
/// Letters that one transaction of a sweep deletes.
const SWEPT_AT_ONCE: usize = 1_024;

/// Keeper and key.
type Name = [u8; 64];
/// The last letter's number, how many there are, and how many of them are of the largest size.
type Counts = (u64, u32, u32);
/// When a letter came, its id, the member that answers for it, and its bytes.
type Kept<'a> = (u64, [u8; 32], [u8; 32], &'a [u8]);
/// Day and member -> a number.
type PerDay<'a> = TableDefinition<'a, (u32, [u8; 32]), u32>;

/// Mailbox, number -> when it came, the letter's id, the letter.
const LETTERS: TableDefinition<'_, (Name, u64), Kept<'_>> = TableDefinition::new("mail-letters-v2");
/// Mailbox -> what is in it; nothing when it is empty.
const BOXES: TableDefinition<'_, Name, Counts> = TableDefinition::new("mail-boxes-v2");
/// When a letter came, mailbox, number: in the order in which they end.
const ARRIVALS: TableDefinition<'_, (u64, Name, u64), ()> =
    TableDefinition::new("mail-arrivals-v2");
/// Bytes of all letters.
const TOTAL: TableDefinition<'_, (), u64> = TableDefinition::new("mail-total-v2");
/// Member -> bytes of the letters that it answers for; nothing when there are none.
const HELD: TableDefinition<'_, [u8; 32], u64> = TableDefinition::new("mail-held-v2");
/// Day and serial of a stamp -> the letter that it was used for.
const USED: TableDefinition<'_, (u32, [u8; 32]), [u8; 32]> = TableDefinition::new("mail-used-v1");
/// Day on which letters came, and the member that answers for them -> how many.
const TAKEN: PerDay<'_> = TableDefinition::new("mail-taken-v1");
/// Day of stamps, and the member that made them -> how many were used here.
const USED_OF: PerDay<'_> = TableDefinition::new("mail-used-of-v1");
/// Day (4 bytes, big-endian), member and asker -> digest and count of each question for stamps.
const MADE: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("mail-stamps-made-v1");

/// What stood in place of the first five of these. Letters came without the member that answers for
/// them, so they are counted for nobody, and are not kept.
const DROPPED: [&str; 5] = [
    "mail-letters-v1",
    "mail-boxes-v1",
    "mail-arrivals-v1",
    "mail-total-v1",
    "mail-held-v1",
];

/// Bytes of a question for stamps in [`MADE`]: its digest, and how many it was for.
const QUESTION: usize = 32 + 1;

fn name(keeper: MemberId, mailbox: &VerifyingKey) -> Name {
    let mut name = [0; 64];
    let (first, second) = name.split_at_mut(32);
    first.copy_from_slice(keeper.as_bytes());
    second.copy_from_slice(&mailbox.to_bytes());
    name
}

/// The mailboxes that one node keeps.
#[derive(Debug)]
pub struct MailStore {
    database: Reopened,
}

impl MailStore {
    /// Opens those kept in the file `path`, which is made when it is missing. Only its owner may
    /// read it. Letters in the form of an earlier version are dropped; that their stamps were used
    /// stays known.
    ///
    /// # Errors
    /// [`MailStoreError`] when the file cannot be read, or another process has it open.
    pub fn open(path: &Path) -> Result<Self, MailStoreError> {
        let database = Reopened::open(path)?;
        let transaction = database.begin_write()?;
        for name in DROPPED {
            transaction.delete_table(TableDefinition::<(), ()>::new(name))?;
        }
        transaction.open_table(LETTERS)?;
        transaction.open_table(BOXES)?;
        transaction.open_table(ARRIVALS)?;
        transaction.open_table(TOTAL)?;
        transaction.open_table(HELD)?;
        transaction.open_table(USED)?;
        transaction.open_table(TAKEN)?;
        transaction.open_table(USED_OF)?;
        transaction.open_table(MADE)?;
        transaction.commit()?;
        Ok(Self { database })
    }

    /// Finds out whether letters could be kept, after a failure too.
    ///
    /// # Errors
    /// [`MailStoreError`] says why not.
    pub(crate) fn probe(&self) -> Result<(), MailStoreError> {
        Ok(self.database.probe()?)
    }

    /// For which letter a stamp was used here.
    ///
    /// # Errors
    /// [`MailStoreError`] when it cannot be read.
    pub fn used(
        &self,
        day: StampDay,
        serial: &VerifyingKey,
    ) -> Result<Option<MailId>, MailStoreError> {
        let table = self.database.begin_read()?.open_table(USED)?;
        let used = table.get((day.get(), serial.to_bytes()))?;
        Ok(used.map(|id| MailId::from_bytes(id.value())))
    }

    /// Keeps a letter whose stamp was verified; on disk when it returns. The same letter again
    /// changes nothing.
    ///
    /// # Errors
    /// Outer: the storage. Inner: [`Refusal::StampSpent`] when the stamp was used for another
    /// letter, [`Refusal::NoRoomForMail`] when one more is too many.
    pub fn take(
        &self,
        delivery: &Delivery,
        now: TimeMs,
    ) -> Result<Result<(), Refusal>, MailStoreError> {
        let id = delivery.id().to_bytes();
        let stamp = &delivery.stamp;
        let transaction = self.database.begin_write()?;
        let taken = {
            let mut used = transaction.open_table(USED)?;
            let stamp = (stamp.day.get(), stamp.serial.to_bytes());
            let before = used.get(stamp)?.map(|id| id.value());
            match before {
                Some(before) if before == id => return Ok(Ok(())),
                Some(_) => Err(Refusal::StampSpent),
                None => {
                    used.insert(stamp, id)?;
                    keep(&transaction, delivery, id, now)?
                }
            }
        };
        match taken {
            Ok(()) => transaction.commit()?,
            Err(_) => transaction.abort()?,
        }
        Ok(taken)
    }

    /// The letters of a mailbox behind the number `after`, oldest first, of those that are not over
    /// at `now`; and how many there are in all.
    ///
    /// # Errors
    /// [`MailStoreError`] when the storage is at fault.
    pub fn fetch(
        &self,
        keeper: MemberId,
        mailbox: &VerifyingKey,
        after: u64,
        now: TimeMs,
    ) -> Result<Page<KeptMail>, MailStoreError> {
        let name = name(keeper, mailbox);
        let table = self.database.begin_read()?.open_table(LETTERS)?;
        let (mut entries, mut total) = (Vec::new(), 0);
        for entry in table.range((name, 0)..=(name, u64::MAX))? {
            let (place, letter) = entry?;
            let ((_, number), (arrived, _, _, sealed)) = (place.value(), letter.value());
            let arrived = TimeMs::new(arrived);
            if arrived.plus_ms(MAIL_MS) <= now {
                continue;
            }
            total += 1;
            if number > after && entries.len() < MAIL_PAGE_MAX {
                let sealed = SealedMail::new(sealed.to_vec());
                entries.push(KeptMail {
                    number,
                    arrived,
                    sealed: sealed.map_err(|_| MailStoreError::Corrupt)?,
                });
            }
        }
        Ok(Page { entries, total })
    }

    /// Deletes letters of a mailbox; on disk when it returns. What is not there is passed over.
    ///
    /// # Errors
    /// [`MailStoreError`] when the storage is at fault.
    pub fn discard(
        &self,
        keeper: MemberId,
        mailbox: &VerifyingKey,
        letters: &[MailId],
    ) -> Result<(), MailStoreError> {
        let name = name(keeper, mailbox);
        // Who has an empty mailbox, as any key has, writes nothing.
        let found = self.places(name, letters)?;
        if found.is_empty() {
            return Ok(());
        }
        let transaction = self.database.begin_write()?;
        for number in found {
            delete(&transaction, name, number)?;
        }
        transaction.commit()?;
        Ok(())
    }

    fn places(&self, name: Name, letters: &[MailId]) -> Result<Vec<u64>, MailStoreError> {
        let table = self.database.begin_read()?.open_table(LETTERS)?;
        let mut found = Vec::new();
        for entry in table.range((name, 0)..=(name, u64::MAX))? {
            let (place, letter) = entry?;
            let id = MailId::from_bytes(letter.value().1);
            if letters.contains(&id) {
                found.push(place.value().1);
            }
        }
        Ok(found)
    }

    /// Counts `count` stamps that are about to be made for `asker`, of whom `max` are made on one
    /// day; on disk when it returns. A question that is repeated, by its `digest`, counts once.
    ///
    /// # Errors
    /// Outer: the storage. Inner: [`Refusal::StampsUsed`].
    pub fn count_stamps(
        &self,
        (day, issuer, asker): (StampDay, MemberId, &StampAsker),
        digest: [u8; 32],
        count: u8,
        max: u32,
    ) -> Result<Result<(), Refusal>, MailStoreError> {
        let mut place = day.get().to_be_bytes().to_vec();
        issuer.encode(&mut place);
        asker.encode(&mut place);
        let transaction = self.database.begin_write()?;
        {
            let mut table = transaction.open_table(MADE)?;
            let mut made = table
                .get(place.as_slice())?
                .map(|made| made.value().to_vec())
                .unwrap_or_default();
            let (questions, _) = made.as_chunks::<QUESTION>();
            if questions.iter().any(|known| known.starts_with(&digest)) {
                return Ok(Ok(()));
            }
            let before = questions
                .iter()
                .map(|[.., count]| u32::from(*count))
                .sum::<u32>();
            if before + u32::from(count) > max {
                return Ok(Err(Refusal::StampsUsed));
            }
            made.extend_from_slice(&digest);
            made.push(count);
            table.insert(place.as_slice(), made.as_slice())?;
        }
        transaction.commit()?;
        Ok(Ok(()))
    }

    /// Deletes what is over at `now`: letters, notes of stamps that are good for nothing any more,
    /// counts of days that are past. How many letters it deleted.
    ///
    /// # Errors
    /// [`MailStoreError`] when the storage is at fault.
    pub fn sweep(&self, now: TimeMs) -> Result<usize, MailStoreError> {
        let mut swept = 0;
        loop {
            let over = self.over(now)?;
            if over.is_empty() {
                break;
            }
            let transaction = self.database.begin_write()?;
            for (name, number) in &over {
                delete(&transaction, *name, *number)?;
            }
            transaction.commit()?;
            swept += over.len();
        }
        let today = StampDay::of(now);
        let transaction = self.database.begin_write()?;
        {
            let of_days = |day: StampDay| ..(day.get(), [0; 32]);
            let over = today.minus(STAMP_DAYS + 1);
            let mut used = transaction.open_table(USED)?;
            used.retain_in(of_days(over), |_, _| false)?;
            let mut used_of = transaction.open_table(USED_OF)?;
            used_of.retain_in(of_days(over), |_, _| false)?;
            let mut taken = transaction.open_table(TAKEN)?;
            taken.retain_in(of_days(today), |_, _| false)?;
            let mut made = transaction.open_table(MADE)?;
            let yesterday = today.minus(1).get().to_be_bytes();
            made.retain_in(..yesterday.as_slice(), |_, _| false)?;
        }
        transaction.commit()?;
        Ok(swept)
    }

    fn over(&self, now: TimeMs) -> Result<Vec<(Name, u64)>, MailStoreError> {
        let Some(last) = now.get().checked_sub(MAIL_MS) else {
            return Ok(Vec::new());
        };
        let table = self.database.begin_read()?.open_table(ARRIVALS)?;
        let mut over = Vec::new();
        for entry in table.range(..=(last, [0xff; 64], u64::MAX))? {
            let (_, name, number) = entry?.0.value();
            over.push((name, number));
            if over.len() >= SWEPT_AT_ONCE {
                break;
            }
        }
        Ok(over)
    }
}

/// Puts a letter into its mailbox, when there is room.
fn keep(
    transaction: &WriteTransaction,
    delivery: &Delivery,
    id: [u8; 32],
    now: TimeMs,
) -> Result<Result<(), Refusal>, MailStoreError> {
    let name = name(delivery.keeper, &delivery.mailbox);
    let sealed = delivery.sealed.as_slice();
    let issuer = delivery.stamp.issuer.to_bytes();
    let mut boxes = transaction.open_table(BOXES)?;
    let counts = boxes.get(name)?.map(|counts| counts.value());
    let (last, letters, largest) = counts.unwrap_or_default();
    let is_largest = u32::from(sealed.len() == MAIL_MAX);
    let has_room = letters < MAILBOX_LETTERS_MAX && largest + is_largest <= MAILBOX_LARGEST_MAX;
    let days = [(TAKEN, StampDay::of(now)), (USED_OF, delivery.stamp.day)];
    if !has_room
        || !hold(transaction, issuer, sealed.len() as u64)?
        || !count(transaction, days, issuer)?
    {
        return Ok(Err(Refusal::NoRoomForMail));
    }
    let number = last + 1;
    boxes.insert(name, (number, letters + 1, largest + is_largest))?;
    let mut arrivals = transaction.open_table(ARRIVALS)?;
    arrivals.insert((now.get(), name, number), ())?;
    let mut all = transaction.open_table(LETTERS)?;
    all.insert((name, number), (now.get(), id, issuer, sealed))?;
    Ok(Ok(()))
}

/// Counts the bytes of a letter that a member answers for, unless it would hold more than is left
/// free.
fn hold(
    transaction: &WriteTransaction,
    issuer: [u8; 32],
    size: u64,
) -> Result<bool, MailStoreError> {
    let mut total = transaction.open_table(TOTAL)?;
    let mut held = transaction.open_table(HELD)?;
    let all = total.get(())?.map_or(0, |bytes| bytes.value()) + size;
    let own = held.get(issuer)?.map_or(0, |bytes| bytes.value()) + size;
    if all + own > BYTES_MAX {
        return Ok(false);
    }
    total.insert((), all)?;
    held.insert(issuer, own)?;
    Ok(true)
}

/// Counts a letter of a member on each of these days, unless one has too many.
fn count(
    transaction: &WriteTransaction,
    days: [(PerDay<'_>, StampDay); 2],
    issuer: [u8; 32],
) -> Result<bool, MailStoreError> {
    for (table, day) in days {
        let mut table = transaction.open_table(table)?;
        let place = (day.get(), issuer);
        let before = table.get(place)?.map_or(0, |count| count.value());
        if before >= MAIL_OF_MEMBER_MAX {
            return Ok(false);
        }
        table.insert(place, before + 1)?;
    }
    Ok(true)
}

fn delete(transaction: &WriteTransaction, name: Name, number: u64) -> Result<(), MailStoreError> {
    let mut letters = transaction.open_table(LETTERS)?;
    let removed = letters.remove((name, number))?.map(|letter| {
        let (arrived, _, issuer, sealed) = letter.value();
        (arrived, issuer, sealed.len())
    });
    // Deleted by two at once.
    let Some((arrived, issuer, size)) = removed else {
        return Ok(());
    };
    transaction
        .open_table(ARRIVALS)?
        .remove((arrived, name, number))?;
    let mut boxes = transaction.open_table(BOXES)?;
    let counts = boxes.get(name)?.map(|counts| counts.value());
    let (last, count, largest) = counts.unwrap_or_default();
    if count <= 1 {
        boxes.remove(name)?;
    } else {
        let is_largest = u32::from(size == MAIL_MAX);
        boxes.insert(name, (last, count - 1, largest.saturating_sub(is_largest)))?;
    }
    release(transaction, issuer, size as u64)
}

fn release(
    transaction: &WriteTransaction,
    issuer: [u8; 32],
    size: u64,
) -> Result<(), MailStoreError> {
    let mut total = transaction.open_table(TOTAL)?;
    let all = total.get(())?.map_or(0, |bytes| bytes.value());
    total.insert((), all.saturating_sub(size))?;
    let mut held = transaction.open_table(HELD)?;
    let own = held.get(issuer)?.map_or(0, |bytes| bytes.value());
    match own.saturating_sub(size) {
        0 => held.remove(issuer)?,
        left => held.insert(issuer, left)?,
    };
    Ok(())
}

/// A fault of the mailboxes' storage; its operator must look.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailStoreError {
    /// The file cannot be read or written.
    #[error("the mailboxes' storage failed: {0}")]
    Storage(redb::Error),
    /// A letter is not of a size that there is.
    #[error("a letter in the mailboxes' storage is damaged")]
    Corrupt,
}

impl<E: Into<redb::Error>> From<E> for MailStoreError {
    fn from(error: E) -> Self {
        Self::Storage(error.into())
    }
}

impl From<MailStoreError> for CallError {
    fn from(error: MailStoreError) -> Self {
        Self::Unavailable {
            message: error.to_string(),
        }
    }
}
