//! Stamps and letters here are any bytes: what they are worth is verified before they come here.

use yilian_crypto::{label, sign::SigningKey, stamp::EncodedPoint};
use yilian_protocol::{
    CertificateId,
    limits::{DAY_MS, MAIL_MAX, MAIL_SIZES},
    stamp::UsedStamp,
};

use super::*;

const NOW: TimeMs = TimeMs::new(2_000 * DAY_MS);
const KEEPER: MemberId = MemberId::from_bytes([1; 32]);

fn key(number: u64) -> VerifyingKey {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    SigningKey::from_seed(&seed).verifying_key()
}

fn stamp(serial: u64) -> UsedStamp {
    UsedStamp {
        issuer: MemberId::from_bytes([2; 32]),
        day: StampDay::of(NOW),
        serial: key(serial),
        signature: EncodedPoint::from_bytes([3; 48]),
        proof: SigningKey::from_seed(&[4; 32]).sign(label::CALL_SIGNATURE, &[]),
    }
}

/// A letter of `size` bytes to the mailbox of `to`, with the stamp of `serial`.
fn delivery(to: u64, serial: u64, size: usize) -> Delivery {
    let mut bytes = vec![5; size];
    bytes[..8].copy_from_slice(&serial.to_be_bytes());
    Delivery {
        keeper: KEEPER,
        hops: 0,
        mailbox: key(to),
        stamp: stamp(serial),
        sealed: SealedMail::new(bytes).unwrap(),
    }
}

fn small(to: u64, serial: u64) -> Delivery {
    delivery(to, serial, MAIL_SIZES[0])
}

struct Kept {
    store: MailStore,
    folder: tempfile::TempDir,
}

impl Kept {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = MailStore::open(&folder.path().join("mail.redb")).unwrap();
        Self { store, folder }
    }

    fn restarted(self) -> Self {
        drop(self.store);
        let store = MailStore::open(&self.folder.path().join("mail.redb")).unwrap();
        Self { store, ..self }
    }

    fn take(&self, delivery: &Delivery) -> Result<(), Refusal> {
        self.store.take(delivery, NOW).unwrap()
    }

    fn count(&self, of: u64, now: TimeMs) -> u32 {
        self.store.fetch(KEEPER, &key(of), 0, now).unwrap().total
    }

    /// Whether nothing but notes of stamps is left.
    fn is_empty(&self) -> bool {
        let read = self.store.database.begin_read().unwrap();
        let letters = read.open_table(LETTERS).unwrap().iter().unwrap().count();
        let boxes = read.open_table(BOXES).unwrap().iter().unwrap().count();
        let arrivals = read.open_table(ARRIVALS).unwrap().iter().unwrap().count();
        let total = read.open_table(TOTAL).unwrap().get(()).unwrap();
        let total = total.map_or(0, |bytes| bytes.value());
        (letters, boxes, arrivals, total) == (0, 0, 0, 0)
    }
}

#[test]
fn a_letter_is_kept_until_it_is_deleted_and_a_repeat_is_no_second_one() {
    let kept = Kept::new();
    let letter = small(7, 1);
    assert_eq!(kept.take(&letter), Ok(()));
    assert_eq!(kept.take(&letter), Ok(()));
    let kept = kept.restarted();
    assert_eq!(kept.take(&letter), Ok(()));
    let page = kept.store.fetch(KEEPER, &key(7), 0, NOW).unwrap();
    assert_eq!((page.total, page.entries.len()), (1, 1));
    assert_eq!(page.entries[0].sealed, letter.sealed);
    // Of another keeper under the same key it is another mailbox.
    let other = MemberId::from_bytes([9; 32]);
    assert_eq!(kept.store.fetch(other, &key(7), 0, NOW).unwrap().total, 0);
    // Nobody deletes it by asking for another's.
    kept.store.discard(KEEPER, &key(8), &[letter.id()]).unwrap();
    kept.store.discard(other, &key(7), &[letter.id()]).unwrap();
    assert_eq!(kept.count(7, NOW), 1);
    for _ in 0..2 {
        kept.store.discard(KEEPER, &key(7), &[letter.id()]).unwrap();
        assert!(kept.is_empty());
    }
    // It does not come back: neither the letter, nor its stamp on another.
    assert_eq!(kept.take(&letter), Ok(()));
    assert_eq!(kept.count(7, NOW), 0);
    let mut second = small(7, 2);
    second.stamp = letter.stamp;
    assert_eq!(kept.take(&second), Err(Refusal::StampSpent));
}

#[test]
fn a_stamp_is_used_once_also_after_a_restart() {
    let kept = Kept::new();
    kept.take(&small(7, 1)).unwrap();
    let kept = kept.restarted();
    let mut second = small(8, 2);
    second.stamp = stamp(1);
    assert_eq!(kept.take(&second), Err(Refusal::StampSpent));
    let day = StampDay::of(NOW);
    let used = kept.store.used(day, &key(1)).unwrap();
    assert_eq!(used, Some(small(7, 1).id()));
    // What was refused left nothing.
    assert_eq!(kept.count(8, NOW), 0);
    assert_eq!(kept.store.used(day, &key(2)).unwrap(), None);
}

#[test]
fn a_mailbox_is_full_at_so_many_letters_or_bytes_and_a_stamp_that_was_not_taken_stays_good() {
    let kept = Kept::new();
    for serial in 0..u64::from(MAILBOX_LETTERS_MAX) {
        kept.take(&small(7, serial)).unwrap();
    }
    let full = Err(Refusal::NoRoomForMail);
    let further = small(7, 1 << 40);
    assert_eq!(kept.take(&further), full);
    assert_eq!(kept.take(&small(7, 0)), Ok(()), "a repeat");
    assert_eq!(kept.take(&small(8, 1 << 41)), Ok(()), "another mailbox");
    kept.store
        .discard(KEEPER, &key(7), &[small(7, 0).id()])
        .unwrap();
    assert_eq!(kept.take(&further), Ok(()));

    let large = MAILBOX_BYTES_MAX / MAIL_MAX as u64;
    for serial in 0..large {
        kept.take(&delivery(9, (1 << 42) + serial, MAIL_MAX))
            .unwrap();
    }
    assert_eq!(kept.take(&small(9, 1 << 43)), full);
    // All pages together are all letters, each once.
    let (mut after, mut seen) = (0, 0);
    loop {
        let page = kept.store.fetch(KEEPER, &key(7), after, NOW).unwrap();
        assert!(page.entries.len() <= MAIL_PAGE_MAX);
        let Some(last) = page.entries.last() else {
            break;
        };
        assert!(
            page.entries
                .is_sorted_by(|one, next| one.number < next.number)
        );
        (after, seen) = (last.number, seen + page.entries.len());
    }
    assert_eq!(seen, MAILBOX_LETTERS_MAX as usize);
}

#[test]
fn a_member_whose_stamps_come_in_masses_has_a_bound_a_day() {
    let kept = Kept::new();
    let issuer = (StampDay::of(NOW).get(), stamp(0).issuer.to_bytes());
    let transaction = kept.store.database.begin_write().unwrap();
    let mut taken = transaction.open_table(TAKEN).unwrap();
    taken.insert(issuer, MAIL_OF_MEMBER_MAX - 1).unwrap();
    drop(taken);
    transaction.commit().unwrap();
    assert_eq!(kept.take(&small(7, 1)), Ok(()));
    assert_eq!(kept.take(&small(8, 2)), Err(Refusal::NoRoomForMail));
    let mut other = small(8, 3);
    other.stamp.issuer = MemberId::from_bytes([8; 32]);
    assert_eq!(kept.take(&other), Ok(()));
    let tomorrow = NOW.plus_ms(DAY_MS);
    assert_eq!(kept.store.take(&small(8, 2), tomorrow).unwrap(), Ok(()));
}

#[test]
fn letters_end_after_thirty_days_and_used_stamps_are_remembered_for_longer() {
    let kept = Kept::new();
    kept.take(&small(7, 1)).unwrap();
    let last = NOW.plus_ms(MAIL_MS - 1);
    assert_eq!(kept.store.sweep(last).unwrap(), 0);
    assert_eq!(kept.count(7, last), 1);
    // It is not shown when its time is over, whether or not anybody swept.
    let over = NOW.plus_ms(MAIL_MS);
    assert_eq!(kept.count(7, over), 0);
    assert_eq!(kept.store.sweep(over).unwrap(), 1);
    assert!(kept.is_empty());
    // As long as the stamp is good it is known to be used.
    let mut second = small(7, 2);
    second.stamp = stamp(1);
    let day = second.stamp.day;
    let mut now = over;
    while day.is_good(now).is_ok() {
        kept.store.sweep(now).unwrap();
        let taken = kept.store.take(&second, now).unwrap();
        assert_eq!(taken, Err(Refusal::StampSpent));
        now = now.plus_ms(DAY_MS / 3);
    }
    assert!(now.get() > over.get());
    kept.store.sweep(now.plus_ms(2 * DAY_MS)).unwrap();
    assert_eq!(kept.store.used(day, &key(1)).unwrap(), None);
}

#[test]
fn stamps_are_counted_by_person_and_day_and_a_repeat_counts_once() {
    let kept = Kept::new();
    let day = StampDay::of(NOW);
    let person = |number| StampAsker::Person(CertificateId::from_bytes([number; 32]));
    let count = |kept: &Kept, day, asker: &StampAsker, digest, count| {
        let of = (day, KEEPER, asker);
        kept.store
            .count_stamps(of, [digest; 32], count, 10)
            .unwrap()
    };
    let (one, used) = (person(1), Err(Refusal::StampsUsed));
    assert_eq!(count(&kept, day, &one, 1, 6), Ok(()));
    assert_eq!(count(&kept, day, &one, 2, 5), used);
    assert_eq!(count(&kept, day, &one, 3, 4), Ok(()));
    let kept = kept.restarted();
    assert_eq!(count(&kept, day, &one, 1, 6), Ok(()), "the answer was lost");
    assert_eq!(count(&kept, day, &one, 4, 1), used);
    assert_eq!(count(&kept, day, &person(2), 4, 1), Ok(()));
    let tomorrow = NOW.plus_ms(DAY_MS);
    assert_eq!(count(&kept, StampDay::of(tomorrow), &one, 4, 10), Ok(()));
    // Yesterday's may still be asked for around midnight: it is counted then, too.
    kept.store.sweep(tomorrow).unwrap();
    assert_eq!(count(&kept, day, &one, 5, 1), used);
    kept.store.sweep(tomorrow.plus_ms(DAY_MS)).unwrap();
    assert_eq!(count(&kept, day, &one, 5, 1), Ok(()));
}
