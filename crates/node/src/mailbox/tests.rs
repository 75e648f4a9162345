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
        let held = read.open_table(HELD).unwrap().iter().unwrap().count();
        let total = read.open_table(TOTAL).unwrap().get(()).unwrap();
        let total = total.map_or(0, |bytes| bytes.value());
        (letters, boxes, arrivals, held, total) == (0, 0, 0, 0, 0)
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
fn a_mailbox_is_full_at_so_many_letters_and_a_stamp_that_was_not_taken_stays_good() {
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

/// Who has stamps for so many large letters shuts nobody out with them.
#[test]
fn large_letters_take_no_place_of_small_ones() {
    let kept = Kept::new();
    let large = |serial| delivery(9, serial, MAIL_MAX);
    for serial in 0..u64::from(MAILBOX_LARGEST_MAX) {
        assert_eq!(kept.take(&large(serial)), Ok(()));
    }
    let full = Err(Refusal::NoRoomForMail);
    let further = large(1 << 40);
    assert_eq!(kept.take(&further), full);
    for serial in MAILBOX_LARGEST_MAX..MAILBOX_LETTERS_MAX {
        let taken = kept.take(&delivery(9, u64::from(serial), MAIL_SIZES[1]));
        assert_eq!(taken, Ok(()));
    }
    assert_eq!(kept.take(&small(9, 1 << 41)), full);
    kept.store
        .discard(KEEPER, &key(9), &[large(0).id()])
        .unwrap();
    assert_eq!(kept.take(&further), Ok(()));
    // A small one that is gone makes no room for a large one.
    let small_one = delivery(9, u64::from(MAILBOX_LARGEST_MAX), MAIL_SIZES[1]);
    kept.store
        .discard(KEEPER, &key(9), &[small_one.id()])
        .unwrap();
    assert_eq!(kept.take(&large(1 << 42)), full);
    assert_eq!(kept.take(&small(9, 1 << 41)), Ok(()));
}

/// Puts a number where the storage counts.
fn set<K: redb::Key, V: redb::Value>(
    kept: &Kept,
    table: TableDefinition<'_, K, V>,
    place: K::SelfType<'_>,
    number: V::SelfType<'_>,
) {
    let transaction = kept.store.database.begin_write().unwrap();
    let mut open = transaction.open_table(table).unwrap();
    open.insert(place, number).unwrap();
    drop(open);
    transaction.commit().unwrap();
}

/// With a gigabyte for all, the first member that sends all it can would shut out the others.
#[test]
fn a_member_fills_no_node_and_holds_no_more_than_it_leaves_free() {
    let kept = Kept::new();
    let (first, size) = (stamp(0).issuer.to_bytes(), MAIL_SIZES[0] as u64);
    let half = BYTES_MAX / 2;
    set(&kept, HELD, first, half - size);
    set(&kept, TOTAL, (), half - size);
    let full = Err(Refusal::NoRoomForMail);
    let last = small(7, 1);
    assert_eq!(kept.take(&last), Ok(()));
    let kept = kept.restarted();
    assert_eq!(kept.take(&small(8, 2)), full);
    // What another holds leaves less free, for both.
    let mut other = small(8, 3);
    other.stamp.issuer = MemberId::from_bytes([8; 32]);
    assert_eq!(kept.take(&other), Ok(()));
    kept.store.discard(KEEPER, &key(7), &[last.id()]).unwrap();
    assert_eq!(kept.take(&small(8, 2)), full);
    kept.store.discard(KEEPER, &key(8), &[other.id()]).unwrap();
    assert_eq!(kept.take(&small(8, 2)), Ok(()));
    // The second, that takes what the first left, has to leave as much as it has, too.
    let second = other.stamp.issuer;
    set(&kept, HELD, second.to_bytes(), half / 2);
    set(&kept, TOTAL, (), half + half / 2);
    let mut more = small(9, 4);
    more.stamp.issuer = second;
    assert_eq!(kept.take(&more), full);
    more.stamp.issuer = MemberId::from_bytes([10; 32]);
    assert_eq!(kept.take(&more), Ok(()));
}

/// A member makes stamps of any day of the last thirty, and keeps them for one.
#[test]
fn stamps_of_one_day_have_a_bound_whenever_they_come() {
    let kept = Kept::new();
    let of = |day: StampDay| (day.get(), stamp(0).issuer.to_bytes());
    let today = StampDay::of(NOW);
    set(&kept, USED_OF, of(today), MAIL_OF_MEMBER_MAX - 1);
    assert_eq!(kept.take(&small(7, 1)), Ok(()));
    assert_eq!(kept.take(&small(7, 1)), Ok(()), "a repeat");
    let late = small(8, 2);
    let last = NOW.plus_ms(u64::from(STAMP_DAYS) * DAY_MS);
    for now in [NOW, NOW.plus_ms(DAY_MS), last] {
        kept.store.sweep(now).unwrap();
        let taken = kept.store.take(&late, now).unwrap();
        assert_eq!(taken, Err(Refusal::NoRoomForMail));
    }
    let mut other = small(8, 3);
    other.stamp.day = today.minus(1);
    assert_eq!(kept.take(&other), Ok(()));
    // It is not counted for longer than a stamp is known to be used.
    kept.store.sweep(last.plus_ms(2 * DAY_MS)).unwrap();
    let read = kept.store.database.begin_read().unwrap();
    let counts = read.open_table(USED_OF).unwrap().iter().unwrap().count();
    assert_eq!(counts, 0);
}

#[test]
fn a_member_whose_stamps_come_in_masses_has_a_bound_a_day() {
    let kept = Kept::new();
    let issuer = (StampDay::of(NOW).get(), stamp(0).issuer.to_bytes());
    set(&kept, TAKEN, issuer, MAIL_OF_MEMBER_MAX - 1);
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

/// A file of before: letters without the member that answers for them, boxes with their bytes.
fn kept_before(path: &Path, letter: &Delivery) {
    type Before<'a> = (u64, [u8; 32], &'a [u8]);
    let letters = TableDefinition::<(Name, u64), Before<'_>>::new("mail-letters-v1");
    let boxes = TableDefinition::<Name, (u64, u32, u64)>::new("mail-boxes-v1");
    let arrivals = TableDefinition::<(u64, Name, u64), ()>::new("mail-arrivals-v1");
    let total = TableDefinition::<(), u64>::new("mail-total-v1");
    let (id, sealed) = (letter.id().to_bytes(), letter.sealed.as_slice());
    let (name, size) = (name(KEEPER, &letter.mailbox), sealed.len() as u64);
    let database = redb::Database::create(path).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut letters = transaction.open_table(letters).unwrap();
        letters.insert((name, 1), (NOW.get(), id, sealed)).unwrap();
        let mut boxes = transaction.open_table(boxes).unwrap();
        boxes.insert(name, (1, 1, size)).unwrap();
        let mut arrivals = transaction.open_table(arrivals).unwrap();
        arrivals.insert((NOW.get(), name, 1), ()).unwrap();
        let mut total = transaction.open_table(total).unwrap();
        total.insert((), BYTES_MAX).unwrap();
        let mut used = transaction.open_table(USED).unwrap();
        let stamp = (letter.stamp.day.get(), letter.stamp.serial.to_bytes());
        used.insert(stamp, id).unwrap();
    }
    transaction.commit().unwrap();
}

#[test]
fn a_file_of_before_stops_no_node_and_no_used_stamp_is_good_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, letter) = (folder.path().join("mail.redb"), small(7, 1));
    kept_before(&path, &letter);
    let store = MailStore::open(&path).unwrap();
    let kept = Kept { store, folder };
    assert!(kept.is_empty());
    let mut second = small(8, 2);
    second.stamp = letter.stamp;
    assert_eq!(kept.take(&second), Err(Refusal::StampSpent));
    // Nothing of it takes room, or is swept for ever.
    assert_eq!(kept.take(&small(7, 3)), Ok(()));
    let kept = kept.restarted();
    assert_eq!(kept.count(7, NOW), 1);
    assert_eq!(kept.store.sweep(NOW.plus_ms(MAIL_MS)).unwrap(), 1);
    assert!(kept.is_empty());
    let read = kept.store.database.begin_read().unwrap();
    let left = read.list_tables().unwrap();
    let left: Vec<_> = left
        .map(|table| redb::TableHandle::name(&table).to_owned())
        .collect();
    assert!(
        DROPPED
            .iter()
            .all(|name| !left.iter().any(|left| left == name)),
        "{left:?}"
    );
}
