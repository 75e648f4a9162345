//! Somebody who copied everything today, and solves discrete logarithms later. He has every secret
//! of a curve, all that ever stood on the chain or in a node, and all deposits of all key holders.
//! He was never handed a token, share or letter.
//!
//! Each attack tries as the missing secret every 32 bytes in a row of all that he has: as the
//! secret of a quarter, of a scope, of a record and of a quarter's keywords. Then it is made on a
//! copy into which the secret was put, and finds it: so the attack is the real one, and nothing
//! that he has holds the secret.

use yilian_crypto::{
    pre::{
        Context, DelegateeSecret, HolderIndex, Partial, PartialContext, RecordKey, Reencapsulation,
        combine,
    },
    psk::{PeriodPsk, RecordPsk, ScopePsk, SearchPsk, SecretShare},
    scope::Confidentiality,
    search::{Counter, IndexContext, IndexEntry, IndexKey, Keyword, SearchSecret, WriterSecret},
    shamir,
};
use yilian_protocol::{
    codec::Encode as _,
    grant::{Dealt, Deposit},
};

use crate::values;

/// All that was ever public, or lay with nodes and holders: here of a standing grant, whose holders
/// have shares of rekeys.
fn copied() -> Vec<Vec<u8>> {
    let mut all = vec![values::genesis().to_vec(), values::object().into_bytes()];
    let transactions = values::transactions();
    all.extend(
        transactions
            .iter()
            .map(|transaction| transaction.as_bytes().to_vec()),
    );
    for share in values::deal().1 {
        let dealt = Dealt {
            shares: vec![share],
            secrets: Vec::new(),
        };
        let deposit = Deposit::sign(
            values::chain(),
            values::hospital(),
            values::terms(),
            dealt,
            &values::key(9),
        );
        all.push(deposit.unwrap().to_vec());
    }
    all
}

/// Every 32 bytes in a row.
fn guesses(of: &[Vec<u8>]) -> Vec<[u8; 32]> {
    let windows = of.iter().flat_map(|bytes| bytes.windows(32));
    let mut all: Vec<[u8; 32]> = windows.map(|window| window.try_into().unwrap()).collect();
    all.push([0; 32]);
    all.sort_unstable();
    all.dedup();
    all
}

struct Turned {
    whole: Reencapsulation,
    reader: DelegateeSecret,
    context: Context,
}

/// The record's key as the reader computes it, with the shares of all holders and the reader's own
/// secret, which is a discrete logarithm. What is missing is `psk`.
fn turned() -> Turned {
    let (commitment, shares) = values::deal();
    let scope_key = values::terms().scopes[0].key;
    let reader = DelegateeSecret::from_seed(&[4; 32]);
    let proven = values::object()
        .verify(values::chain(), &scope_key)
        .unwrap();
    let partials: Vec<(HolderIndex, Partial)> = shares
        .iter()
        .enumerate()
        .map(|(place, share)| {
            let index = HolderIndex::at(place).unwrap();
            let context = PartialContext {
                scope_key: &scope_key,
                delegatee: &reader.public(),
                index,
                commitment: &commitment,
            };
            (
                index,
                Partial::make(&proven, share, &context, &mut values::rng()),
            )
        })
        .collect();
    let parts: Vec<_> = partials
        .iter()
        .map(|(index, partial)| (*index, partial))
        .collect();
    Turned {
        whole: combine(&parts).unwrap().into(),
        reader,
        context: *proven.context(),
    }
}

fn key_with(psk: &RecordPsk, turned: &Turned) -> RecordKey {
    turned
        .reader
        .decapsulate(&turned.whole, psk, &turned.context)
}

/// What of a copy opens the record of [`values::object`], as a secret of whichever kind.
fn openers(of: &[Vec<u8>]) -> Vec<[u8; 32]> {
    let (object, turned) = (values::object(), turned());
    let capsule = object.header().capsule();
    let opens = |psk: &RecordPsk| object.open(&key_with(psk, &turned)).is_ok();
    let closed_with = values::share().secret;
    let opens_by_quarter = |guess: [u8; 32]| {
        let period = PeriodPsk::from_bytes(guess);
        let mut levels = Confidentiality::ALL.into_iter();
        // A key takes a power in GT. So of four levels only the one is tried that may open.
        levels.any(|level| {
            let psk = period.scope(level).record(capsule);
            psk == closed_with && opens(&psk)
        })
    };
    let mut all = guesses(of);
    all.retain(|guess| {
        opens(&RecordPsk::from_bytes(*guess))
            || opens(&ScopePsk::from_bytes(*guess).record(capsule))
            || opens_by_quarter(*guess)
    });
    all
}

/// What of a copy tests the keyword "i10", which stands in [`values::index`].
fn testers(of: &[Vec<u8>]) -> Vec<[u8; 32]> {
    let writer = WriterSecret::from_seed(&[4; 32]).public();
    let patient = SearchSecret::from_seed(&[5; 32]);
    let (chain, hospital) = (values::chain(), values::hospital());
    let stands = values::index();
    let mut all = guesses(of);
    all.retain(|guess| {
        let context = IndexContext {
            psk: &SearchPsk::from_bytes(*guess),
            chain: chain.as_bytes(),
            hospital: hospital.as_bytes(),
            quarter: values::quarter(),
        };
        let key = IndexKey::of_patient(&patient, &writer, &context);
        let key = key.keyword(&Keyword::new("i10").unwrap());
        let entry = IndexEntry::seal(&key, Counter::after(3).unwrap(), &[6; 32]);
        stands.entries().contains(&entry)
    });
    all
}

/// A piece of the copy with a secret in its midst, at no even place.
fn planted(secret: [u8; 32]) -> Vec<Vec<u8>> {
    let mut piece = values::genesis().to_vec();
    piece.splice(77..77, secret);
    vec![piece]
}

#[test]
fn every_secret_of_the_curves_and_all_that_was_copied_opens_no_record() {
    assert_eq!(openers(&copied()), [[0; 32]; 0]);
    // The reader has a letter; the hospital has the token; the patient derives it from her words.
    let (object, turned) = (values::object(), turned());
    let letter = values::letter();
    let handed = letter.secret(&values::terms().scopes[0].key).unwrap();
    let of_record = handed.record(object.header().capsule());
    object.open(&key_with(&of_record, &turned)).unwrap();
    assert_eq!(values::share().secret, of_record);
    let token = values::visit(0).secret.scope(Confidentiality::Clinical);
    assert_eq!(token, *handed);
    let scope = values::checked().scope(Confidentiality::Clinical);
    assert_eq!(values::delegator().scope(&scope).psk(), handed);
}

#[test]
fn a_copy_that_held_the_secret_of_a_quarter_scope_or_record_would_open_it() {
    let (s_q, s_c) = (values::visit(0).secret, values::share().secret);
    let s_w = s_q.scope(Confidentiality::Clinical);
    for secret in [*s_q.expose(), *s_w.expose(), *s_c.expose()] {
        assert_eq!(openers(&planted(secret)), [secret]);
    }
    // The secret of another level does not.
    let other = s_q.scope(Confidentiality::Sensitive);
    assert_eq!(openers(&planted(*other.expose())), [[0; 32]; 0]);
}

#[test]
fn every_secret_of_the_curves_and_all_that_was_copied_tests_no_keyword() {
    assert_eq!(testers(&copied()), [[0; 32]; 0]);
    let x_q = *values::visit(0).search_secret.expose();
    assert_eq!(testers(&planted(x_q)), [x_q]);
}

/// In an emergency nobody has a letter, so the holders have the secret among them: k of n. Fewer,
/// with every secret of the curves, are as far as before. As many can open the scope: that is what
/// a threshold is, and stands in docs/THREATS.md.
#[test]
fn fewer_holders_of_an_emergency_grant_than_its_threshold_open_nothing() {
    let scope = values::checked().scope(Confidentiality::Clinical);
    let secret = values::delegator().scope(&scope).psk().clone();
    let shares = shamir::split(&secret, 3, 5, &mut values::rng()).unwrap();
    let (object, turned) = (values::object(), turned());
    let opens = |places: &[usize]| {
        let some: Vec<(HolderIndex, &SecretShare)> = places
            .iter()
            .map(|place| (HolderIndex::at(*place).unwrap(), &shares[*place]))
            .collect();
        let secret = shamir::join(&some).unwrap();
        let secret = secret.record(object.header().capsule());
        object.open(&key_with(&secret, &turned)).is_ok()
    };
    for one in 0..5 {
        assert!(!opens(&[one]));
        for two in one + 1..5 {
            assert!(!opens(&[one, two]), "{one} {two}");
            for three in two + 1..5 {
                assert!(opens(&[one, two, three]), "{one} {two} {three}");
            }
        }
    }
    // And each share tried as the secret itself.
    for share in &shares {
        let guess = ScopePsk::from_bytes(*share.expose());
        let guess = guess.record(object.header().capsule());
        assert!(object.open(&key_with(&guess, &turned)).is_err());
    }
}

/// A holder's answer to the clinician: nobody on its way reads the share in it, and nobody can put
/// the share of another holder, grant, scope or request in its place.
#[test]
fn a_holders_share_of_a_secret_is_for_the_one_who_asked() {
    let (sealed, answer) = (values::sealed_partial(), values::signed_partial());
    let (chain, ask) = (values::chain(), values::ask());
    let opened = sealed.open(chain, &ask, &values::kem_secret(4)).unwrap();
    assert_eq!(opened.secret.unwrap(), values::deposit().secrets[0]);
    let stranger = sealed.open(chain, &ask, &values::kem_secret(5));
    assert!(stranger.is_err());
    let mut other = ask;
    other.ask.record = yilian_protocol::RecordId::from_bytes([9; 32]);
    assert!(sealed.open(chain, &other, &values::kem_secret(4)).is_err());
    let node = values::key(3).verifying_key();
    answer.verify(chain, &values::ask(), &node).unwrap();
    let mut without = answer;
    without.secret = None;
    assert!(without.verify(chain, &values::ask(), &node).is_err());
}
