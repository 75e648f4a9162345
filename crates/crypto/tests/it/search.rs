//! The index: agreement, what a trapdoor opens, and what it must not.

use std::{collections::BTreeSet, sync::LazyLock};

use proptest::prelude::*;
use yilian_crypto::{
    Error,
    psk::SearchPsk,
    scope::Quarter,
    search::{
        Counter, IndexContext, IndexEntry, IndexKey, Keyword, KeywordKey, MaskedPointer, Probe,
        SearchSecret, Trapdoor, WriterSecret, padded,
    },
};

use crate::setting::{CHAIN, Draws, HOSPITAL};

const RECORD: [u8; 32] = [9; 32];

fn quarter(number: u8) -> Quarter {
    Quarter::new(2026, number).unwrap()
}

fn keyword(text: &str) -> Keyword {
    Keyword::new(text).unwrap()
}

/// The key of `word` for writer, patient, hospital and quarter of these numbers.
fn key(writer: u8, patient: u8, hospital: u8, period: u8, word: &str) -> KeywordKey {
    let writer = WriterSecret::from_seed(&[writer; 32]);
    let patient = SearchSecret::from_seed(&[patient; 32]).public();
    let index = IndexKey::of_writer(&writer, &patient, &context(&[hospital; 32], period));
    index.keyword(&keyword(word))
}

fn psk() -> &'static SearchPsk {
    static PSK: LazyLock<SearchPsk> = LazyLock::new(|| SearchPsk::from_bytes([5; 32]));
    &PSK
}

fn context(hospital: &[u8; 32], period: u8) -> IndexContext<'_> {
    IndexContext {
        psk: psk(),
        chain: &CHAIN,
        hospital,
        quarter: quarter(period),
    }
}

fn number(counter: u32) -> Counter {
    Counter::after(counter).unwrap()
}

#[test]
fn writer_and_patient_agree() {
    let (writer, patient) = (
        WriterSecret::from_seed(&[1; 32]),
        SearchSecret::from_seed(&[2; 32]),
    );
    let word = keyword("高血压");
    let written = IndexKey::of_writer(&writer, &patient.public(), &context(&HOSPITAL, 1));
    let sought = IndexKey::of_patient(&patient, &writer.public(), &context(&HOSPITAL, 1));
    let (written, sought) = (written.keyword(&word), sought.keyword(&word));
    for counter in [0, 1, 80, 65_535] {
        assert_eq!(
            IndexEntry::seal(&written, number(counter), &RECORD),
            IndexEntry::seal(&sought, number(counter), &RECORD)
        );
    }
    assert_eq!(written.note(), sought.note());
    assert_eq!(Counter::after(65_536), Err(Error::Counter));
}

#[test]
fn nothing_is_shared_between_writers_patients_hospitals_quarters_and_words() {
    let keys = [
        key(1, 2, 3, 4, "w"),
        key(5, 2, 3, 4, "w"),
        key(1, 5, 3, 4, "w"),
        key(1, 2, 5, 4, "w"),
        key(1, 2, 3, 1, "w"),
        key(1, 2, 3, 4, "v"),
        // The roles are not exchangeable.
        key(2, 1, 3, 4, "w"),
    ];
    let mut addresses = BTreeSet::new();
    let mut tags = BTreeSet::new();
    for key in &keys {
        for counter in 0..20 {
            assert!(addresses.insert(key.address(number(counter))));
        }
        assert!(tags.insert(key.cross().tag(&RECORD)));
    }
    assert_ne!(keys[0].cross().tag(&RECORD), keys[0].cross().tag(&[8; 32]));
}

#[test]
fn a_trapdoor_opens_what_exists_and_nothing_later() {
    let key = key(1, 2, 3, 4, "w");
    let all: Vec<IndexEntry> = (0..300)
        .map(|counter| {
            let mut record = [0; 32];
            record[..4].copy_from_slice(&counter_bytes(counter));
            IndexEntry::seal(&key, number(counter), &record)
        })
        .collect();
    for count in [0, 1, 2, 3, 7, 8, 80, 127, 128, 255, 256, 299] {
        let trapdoor = Trapdoor::of(&key, count).unwrap();
        assert_eq!(
            trapdoor.to_bytes().len(),
            4 + 32 * count.count_ones() as usize
        );
        let lookups: Vec<_> = trapdoor.lookups().collect();
        assert_eq!(lookups.len(), count as usize);
        for (counter, (lookup, entry)) in (0..).zip(lookups.iter().zip(&all)) {
            assert_eq!(lookup.address(), entry.address);
            let record = lookup.open(&entry.pointer).unwrap();
            assert_eq!(record[..4], counter_bytes(counter));
        }
        // Neither addresses nor masks of what comes after follow from it.
        let known: BTreeSet<_> = lookups.iter().map(|lookup| lookup.address()).collect();
        for later in &all[count as usize..] {
            assert!(!known.contains(&later.address));
            assert!(
                lookups
                    .iter()
                    .all(|lookup| lookup.open(&later.pointer).is_none())
            );
        }
    }
    assert_eq!(
        Trapdoor::of(&key, 65_536).unwrap().lookups().count(),
        65_536
    );
    assert_eq!(Trapdoor::of(&key, 65_537), Err(Error::Counter));
}

fn counter_bytes(counter: u32) -> [u8; 4] {
    counter.to_be_bytes()
}

#[test]
fn the_nodes_of_a_trapdoor_are_no_ancestor_of_a_later_entry() {
    // An ancestor's value would have to occur among the nodes of the larger trapdoors' complement:
    // the root of all is in none but the full one.
    let key = key(1, 2, 3, 4, "w");
    let root = Trapdoor::of(&key, 65_536).unwrap().to_bytes()[4..].to_vec();
    for count in [1, 2, 3, 100, 32_768, 65_535] {
        let bytes = Trapdoor::of(&key, count).unwrap().to_bytes();
        assert!(bytes[4..].chunks(32).all(|node| node != root));
    }
    // Renumbering a trapdoor to more entries than it covers finds other places than the true ones.
    let mut stretched = Trapdoor::of(&key, 1).unwrap().to_bytes();
    stretched[..4].copy_from_slice(&2_u32.to_be_bytes());
    let stretched = Trapdoor::from_bytes(&stretched).unwrap();
    assert!(
        stretched
            .lookups()
            .all(|lookup| lookup.address() != key.address(number(1)))
    );
}

#[test]
fn a_dictionary_does_not_help_who_holds_a_trapdoor() {
    let (writer, patient) = (
        WriterSecret::from_seed(&[1; 32]),
        SearchSecret::from_seed(&[2; 32]),
    );
    let index = IndexKey::of_writer(&writer, &patient.public(), &context(&HOSPITAL, 1));
    let dictionary = ["hypertension", "hiv", "diabetes", "pregnancy"];
    let captured = Trapdoor::of(&index.keyword(&keyword("hiv")), 5).unwrap();

    // The attacker knows both public keys, hospital, quarter and dictionary, and has keys of his
    // own.
    let own = (
        WriterSecret::from_seed(&[7; 32]),
        SearchSecret::from_seed(&[8; 32]),
    );
    let guesses = [
        IndexKey::of_writer(&own.0, &patient.public(), &context(&HOSPITAL, 1)),
        IndexKey::of_patient(&own.1, &writer.public(), &context(&HOSPITAL, 1)),
        IndexKey::of_patient(&own.1, &own.0.public(), &context(&HOSPITAL, 1)),
    ];
    for guess in &guesses {
        for word in dictionary {
            assert_ne!(
                Trapdoor::of(&guess.keyword(&keyword(word)), 5).unwrap(),
                captured
            );
        }
    }
    // Whoever solves discrete logarithms holds both secrets of the agreement; he guesses nothing
    // either, without the quarter's search secret.
    for other in [[0; 32], [6; 32]] {
        let other = SearchPsk::from_bytes(other);
        let place = IndexContext {
            psk: &other,
            ..context(&HOSPITAL, 1)
        };
        let solved = IndexKey::of_patient(&patient, &writer.public(), &place);
        for word in dictionary {
            let guess = Trapdoor::of(&solved.keyword(&keyword(word)), 5).unwrap();
            assert_ne!(guess, captured);
        }
    }
    // Nor does he with the secret of another chain.
    let place = IndexContext {
        chain: &[9; 32],
        ..context(&HOSPITAL, 1)
    };
    let elsewhere = IndexKey::of_patient(&patient, &writer.public(), &place);
    let guess = Trapdoor::of(&elsewhere.keyword(&keyword("hiv")), 5).unwrap();
    assert_ne!(guess, captured);
    // Whoever was handed that secret and holds one of the two does recognise it: the attack is the
    // real one.
    let insider = IndexKey::of_patient(&patient, &writer.public(), &context(&HOSPITAL, 1));
    let recognised: Vec<_> = dictionary
        .iter()
        .filter(|word| Trapdoor::of(&insider.keyword(&keyword(word)), 5).unwrap() == captured)
        .collect();
    assert_eq!(recognised, [&"hiv"]);
}

#[test]
fn padding_hides_how_many_keywords_there_are() {
    let key = key(1, 2, 3, 4, "w");
    let mut rng = Draws::named("padding");
    for (count, size) in [
        (0, 16),
        (1, 16),
        (16, 16),
        (17, 32),
        (33, 64),
        (64, 64),
        (65, 128),
        (129, 256),
        (257, 512),
        (512, 512),
    ] {
        let entries: Vec<_> = (0..count)
            .map(|counter| IndexEntry::seal(&key, number(counter), &RECORD))
            .collect();
        let padded = padded(entries.clone(), &mut rng).unwrap();
        assert_eq!(padded.len(), size);
        assert!(entries.iter().all(|entry| padded.contains(entry)));
        assert!(padded.is_sorted_by_key(|entry| entry.address));
    }
    let many = vec![IndexEntry::dummy(&mut rng); 513];
    assert_eq!(
        padded(many, &mut rng),
        Err(Error::TooManyKeywords {
            found: 513,
            limit: 512
        })
    );
}

#[test]
fn a_count_is_found_with_few_questions() {
    for count in (0..300).chain([1_000, 32_768, 65_535, 65_536]) {
        let (mut probe, mut questions) = (Probe::default(), 0);
        while let Some(asked) = probe.question() {
            let in_use = (0..count).any(|counter| number(counter) == asked);
            probe.answer(in_use);
            questions += 1;
        }
        assert_eq!(probe.count(), count);
        assert!(questions <= 2 * (32 - count.leading_zeros()) + 2, "{count}");
        assert!(count != 80 || questions <= 15);
    }
}

#[test]
fn what_is_no_keyword_is_refused() {
    for text in ["", "line\nbreak", "\u{7f}", &"长".repeat(43)] {
        assert_eq!(Keyword::new(text), Err(Error::Keyword), "{text:?}");
    }
    assert!(Keyword::new("长".repeat(42)).is_ok());
    assert_eq!(format!("{:?}", keyword("hiv")), "Keyword(3 bytes)");
}

proptest! {
    #[test]
    fn a_trapdoor_has_one_spelling(count in 0_u32..=65_536, extra in any::<u8>()) {
        let trapdoor = Trapdoor::of(&key(1, 2, 3, 4, "w"), count).unwrap();
        let bytes = trapdoor.to_bytes();
        prop_assert_eq!(&Trapdoor::from_bytes(&bytes).unwrap(), &trapdoor);
        for length in 0..bytes.len() {
            prop_assert!(Trapdoor::from_bytes(&bytes[..length]).is_err());
        }
        let mut longer = bytes;
        longer.push(extra);
        prop_assert!(Trapdoor::from_bytes(&longer).is_err());
    }

    #[test]
    fn hostile_trapdoors_and_pointers_are_harmless(
        bytes in proptest::collection::vec(any::<u8>(), 0..600),
        pointer in any::<[u8; 8]>(),
    ) {
        if let Ok(trapdoor) = Trapdoor::from_bytes(&bytes) {
            let mut random = [0; 40];
            random[..8].copy_from_slice(&pointer);
            for lookup in trapdoor.lookups().take(100) {
                prop_assert_eq!(lookup.open(&MaskedPointer::from_bytes(random)), None);
            }
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_written(bytes in proptest::array::uniform32(any::<u8>())) {
        let mut entry = [0; IndexEntry::SIZE];
        entry[..32].copy_from_slice(&bytes);
        entry[40..].copy_from_slice(&bytes);
        prop_assert_eq!(IndexEntry::from_bytes(&entry).to_bytes(), entry);
    }
}
