//! Rekeys shared among key holders: any k suffice, k - 1 do not, and who answers wrongly is named.

use proptest::prelude::*;
use yilian_crypto::{
    Error,
    pre::{
        Context, DelegateePublic, DelegateeSecret, DelegatorSecret, HOLDERS_MAX, HolderIndex,
        Partial, PartialContext, ProvenCapsule, RecordKey, Reencapsulation, Rekey, ScopeKey,
        ShareCommitment, combine,
    },
    psk::RecordPsk,
    scope::{Confidentiality, Quarter, Scope},
    seed::{PatientKeys, Seed},
};

/// A record for a reader, and the shares of its rekey.
struct Deal {
    reader: DelegateeSecret,
    public: DelegateePublic,
    scope_key: ScopeKey,
    context: Context,
    capsule: ProvenCapsule,
    psk: RecordPsk,
    key: RecordKey,
    commitment: ShareCommitment,
    shares: Vec<Rekey>,
}

fn deal(threshold: usize, count: usize) -> Deal {
    let rng = &mut rand::rng();
    let patient = DelegatorSecret::random(rng);
    let scope = Scope {
        confidentiality: Confidentiality::Clinical,
        period: Quarter::new(2026, 4).unwrap(),
        tag: None,
    };
    let secret = patient.scope(&scope);
    let nym = PatientKeys::from_seed(&Seed::random(rng), &[4; 32])
        .visit(&[1; 32], 0)
        .nym;
    let context = Context::new(&[4; 32], &secret.key(), &nym, &[2; 32]);
    let made = secret.key().encapsulate(&context, secret.psk(), b"", rng);
    let (capsule, prover, key) = made;
    let proof = prover.prove(&[6; 32], rng);
    let psk = secret.psk().record(&capsule);
    let capsule = capsule.verify(&secret.key(), &context, &[6; 32], &proof);
    let reader = DelegateeSecret::random(rng);
    let (commitment, shares) = secret
        .deal(&reader.public(), threshold, count, rng)
        .unwrap();
    Deal {
        public: reader.public(),
        reader,
        scope_key: secret.key(),
        capsule: capsule.unwrap(),
        psk,
        context,
        key,
        commitment,
        shares,
    }
}

fn index(place: usize) -> HolderIndex {
    HolderIndex::at(place).unwrap()
}

impl Deal {
    fn about(&self, place: usize) -> PartialContext<'_> {
        PartialContext {
            scope_key: &self.scope_key,
            delegatee: &self.public,
            index: index(place),
            commitment: &self.commitment,
        }
    }

    fn partial(&self, place: usize) -> Partial {
        let share = &self.shares[place];
        Partial::make(&self.capsule, share, &self.about(place), &mut rand::rng())
    }

    fn opened_by(&self, places: &[usize]) -> RecordKey {
        let partials: Vec<_> = places
            .iter()
            .map(|place| (index(*place), self.partial(*place)))
            .collect();
        let partials: Vec<_> = partials.iter().map(|(index, one)| (*index, one)).collect();
        let whole = Reencapsulation::from(combine(&partials).unwrap());
        self.reader.decapsulate(&whole, &self.psk, &self.context)
    }
}

#[test]
fn any_three_of_five_open_and_no_two_do() {
    let deal = deal(3, 5);
    for a in 0..5 {
        for b in a + 1..5 {
            assert_ne!(deal.opened_by(&[a, b]), deal.key, "two suffice");
            for c in b + 1..5 {
                assert_eq!(deal.opened_by(&[c, a, b]), deal.key, "{a} {b} {c}");
            }
        }
    }
    assert_eq!(
        deal.opened_by(&[0, 1, 2, 3, 4]),
        deal.key,
        "more do no harm"
    );
}

#[test]
fn one_holder_alone_has_the_whole_rekey() {
    let deal = deal(1, 3);
    assert_eq!(deal.commitment.threshold(), 1);
    for share in &deal.shares {
        share.verify(&deal.scope_key, &deal.public).unwrap();
    }
    assert_eq!(deal.opened_by(&[2]), deal.key);
}

#[test]
fn a_share_is_checked_for_its_holder_scope_reader_and_deal() {
    let (deal_, other) = (deal(3, 5), deal(3, 5));
    let verify = |share: &Rekey, place, commitment: &ShareCommitment| {
        share.verify_share(index(place), commitment, &deal_.scope_key, &deal_.public)
    };
    for (place, share) in deal_.shares.iter().enumerate() {
        verify(share, place, &deal_.commitment).unwrap();
        assert_eq!(
            verify(share, (place + 1) % 5, &deal_.commitment),
            Err(Error::Rekey)
        );
        assert_eq!(verify(share, place, &other.commitment), Err(Error::Rekey));
        // No share is the rekey itself.
        assert!(share.verify(&deal_.scope_key, &deal_.public).is_err());
    }
    let foreign =
        deal_.shares[0].verify_share(index(0), &deal_.commitment, &other.scope_key, &deal_.public);
    assert_eq!(foreign, Err(Error::Rekey));
    let foreign =
        deal_.shares[0].verify_share(index(0), &deal_.commitment, &deal_.scope_key, &other.public);
    assert_eq!(foreign, Err(Error::Rekey));
}

#[test]
fn a_wrong_partial_opens_nothing_and_names_its_holder() {
    let (right, other) = (deal(2, 3), deal(2, 3));
    let honest = [right.partial(0), right.partial(1)];
    honest[0].verify(&right.capsule, &right.about(0)).unwrap();
    honest[1].verify(&right.capsule, &right.about(1)).unwrap();
    // What a holder could answer instead: its partial for another capsule, another's partial, one
    // of another share.
    let lies = [
        Partial::make(
            &other.capsule,
            &right.shares[1],
            &right.about(1),
            &mut rand::rng(),
        ),
        right.partial(0),
        right.partial(2),
        other.partial(1),
        Partial::make(
            &right.capsule,
            &right.shares[2],
            &right.about(1),
            &mut rand::rng(),
        ),
        Partial::make(
            &right.capsule,
            &other.shares[1],
            &right.about(1),
            &mut rand::rng(),
        ),
    ];
    for (number, lie) in lies.iter().enumerate() {
        let verified = lie.verify(&right.capsule, &right.about(1));
        assert_eq!(verified, Err(Error::Partial), "lie {number}");
        let whole = combine(&[(index(0), &honest[0]), (index(1), lie)]).unwrap();
        let key = right
            .reader
            .decapsulate(&whole.into(), &right.psk, &right.context);
        assert_ne!(key, right.key, "lie {number}");
    }
    // A proof is for one holder, one reader and one scope.
    for place in [0, 2] {
        assert!(
            honest[1]
                .verify(&right.capsule, &right.about(place))
                .is_err()
        );
    }
    let about = PartialContext {
        delegatee: &other.public,
        ..right.about(1)
    };
    assert!(honest[1].verify(&right.capsule, &about).is_err());
    let about = PartialContext {
        scope_key: &other.scope_key,
        ..right.about(1)
    };
    assert!(honest[1].verify(&right.capsule, &about).is_err());
}

#[test]
fn a_partial_has_one_spelling_and_every_byte_counts() {
    let deal = deal(2, 2);
    let partial = deal.partial(1);
    let bytes = partial.to_bytes();
    assert_eq!(Partial::from_bytes(&bytes).unwrap(), partial);
    for place in 0..bytes.len() {
        let mut changed = bytes;
        changed[place] ^= 1;
        let accepted = Partial::from_bytes(&changed)
            .is_ok_and(|partial| partial.verify(&deal.capsule, &deal.about(1)).is_ok());
        assert!(!accepted, "byte {place} may be changed");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let rng = &mut rand::rng();
    let deal_ = deal(2, 3);
    let scope = Scope {
        confidentiality: Confidentiality::Identity,
        period: Quarter::new(2026, 1).unwrap(),
        tag: None,
    };
    let secret = DelegatorSecret::random(rng).scope(&scope);
    for (threshold, count) in [(0, 3), (4, 3), (1, HOLDERS_MAX + 1), (0, 0)] {
        let dealt = secret.deal(&deal_.public, threshold, count, rng);
        assert_eq!(dealt.unwrap_err(), Error::Threshold);
    }
    let partial = deal_.partial(0);
    assert_eq!(combine(&[]).unwrap_err(), Error::Threshold);
    let twice = [(index(0), &partial), (index(0), &partial)];
    assert_eq!(combine(&twice).unwrap_err(), Error::Threshold);
    assert!(HolderIndex::at(HOLDERS_MAX).is_none() && HolderIndex::at(usize::MAX).is_none());
    let point = deal_.commitment.to_points().next().unwrap();
    assert!(ShareCommitment::from_points(&[point; HOLDERS_MAX]).is_err());
    assert!(ShareCommitment::from_points(&[[0xff; 48]]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn every_deal_opens_with_its_threshold_and_not_with_one_less(
        count in 1_usize..8,
        below in 0_usize..8,
        skip in 0_usize..8,
    ) {
        let threshold = 1 + below % count;
        let deal = deal(threshold, count);
        let places: Vec<usize> = (0..threshold).map(|place| (place + skip) % count).collect();
        prop_assert_eq!(&deal.opened_by(&places), &deal.key);
        if threshold > 1 {
            prop_assert_ne!(&deal.opened_by(&places[1..]), &deal.key);
        }
    }
}
