//! Identities in escrow: opened by as many regulators as it takes, and by no fewer.

use yilian_crypto::{
    Error,
    pre::{HOLDERS_MAX, HolderIndex},
    pseudonym::{
        Escrow, EscrowPart, Nym, ProvenEscrow, RegulatorSecret, RegulatorShare, Regulators, combine,
    },
    seed::{PatientKeys, Seed},
};

use crate::setting::Draws;

const HOSPITAL: [u8; 32] = [1; 32];
const LINE: &[u8] = b"the line on the chain";

fn patient(number: u8) -> PatientKeys {
    PatientKeys::from_seed(&Seed::from_bytes([number; 32]), &[4; 32])
}

/// What a regulator who has the whole secret finds in an escrow.
pub fn opened_alone(
    regulator: &RegulatorSecret,
    escrow: &Escrow,
    nym: &Nym,
    context: &[u8],
) -> [u8; 48] {
    let mut draws = Draws::named("one regulator");
    let (regulators, shares) = regulator.deal(1, 1, &mut draws).unwrap();
    let proven = escrow.clone().prove(nym, &regulators.key, context).unwrap();
    let part = EscrowPart::make(&proven, &shares[0], b"", &mut draws);
    combine(&proven, &[(shares[0].index(), &part)]).unwrap()
}

/// A part of the regulator whose seed is of sixes.
pub fn part(escrow: &Escrow, nym: &Nym) -> EscrowPart {
    let mut draws = Draws::named("a part");
    let regulator = RegulatorSecret::from_seed(&[6; 32]);
    let proven = escrow.clone().prove(nym, &regulator.public(), b"").unwrap();
    let (_, shares) = regulator.deal(2, 3, &mut draws).unwrap();
    EscrowPart::make(&proven, &shares[0], LINE, &mut draws)
}

/// Three of five regulators, and a visit's escrow.
struct Court {
    regulators: Regulators,
    shares: Vec<RegulatorShare>,
    escrow: Escrow,
    proven: ProvenEscrow,
    nym: Nym,
    draws: Draws,
    identity: [u8; 48],
}

fn court() -> Court {
    let mut draws = Draws::named("court");
    let secret = RegulatorSecret::random(&mut draws);
    let (regulators, shares) = secret.deal(3, 5, &mut draws).unwrap();
    let visit = patient(1).visit(&HOSPITAL, 0);
    let key = &regulators.key;
    let escrow = Escrow::make(&patient(1), &visit.nym_secret, key, &HOSPITAL, &mut draws);
    let proven = escrow.clone().prove(&visit.nym, key, &HOSPITAL).unwrap();
    let identity = opened_alone(&secret, &escrow, &visit.nym, &HOSPITAL);
    Court {
        regulators,
        shares,
        escrow,
        proven,
        nym: visit.nym,
        draws,
        identity,
    }
}

impl Court {
    fn parts(&mut self, places: &[usize]) -> Vec<(HolderIndex, EscrowPart)> {
        let mut made = Vec::new();
        for place in places {
            let share = &self.shares[*place];
            let part = EscrowPart::make(&self.proven, share, LINE, &mut self.draws);
            made.push((share.index(), part));
        }
        made
    }

    fn opened(&mut self, places: &[usize]) -> Result<[u8; 48], Error> {
        let parts = self.parts(places);
        let parts: Vec<_> = parts.iter().map(|(index, part)| (*index, part)).collect();
        combine(&self.proven, &parts)
    }
}

#[test]
fn any_three_of_five_open_it_and_more_do_no_harm() {
    let mut court = court();
    let identity = court.identity;
    for places in [[0, 1, 2], [0, 2, 4], [4, 3, 1]] {
        assert_eq!(court.opened(&places), Ok(identity));
    }
    assert_eq!(court.opened(&[0, 1, 2, 3, 4]), Ok(identity));
}

#[test]
fn fault_10_fewer_regulators_than_it_takes_open_nothing() {
    let mut court = court();
    let identity = court.identity;
    for places in [&[0][..], &[0, 1], &[3, 4]] {
        assert_ne!(court.opened(places).unwrap(), identity, "{places:?}");
    }
    assert_eq!(court.opened(&[]), Err(Error::Threshold));
    // Nor does one of them count twice.
    assert_eq!(court.opened(&[0, 0, 1]), Err(Error::Threshold));
}

#[test]
fn fault_10_a_wrong_part_names_its_regulator() {
    let mut court = court();
    let of = court.parts(&[0, 1, 2]);
    let verify = |part: &EscrowPart, place, line: &[u8]| {
        let index = HolderIndex::at(place).unwrap();
        part.verify(&court.proven, (&court.regulators, index), line)
    };
    for (place, (_, part)) in of.iter().enumerate() {
        assert_eq!(verify(part, place, LINE), Ok(()));
        // Another's part, and a part of another opening.
        assert_eq!(verify(part, place + 1, LINE), Err(Error::EscrowPart));
        assert_eq!(verify(part, place, b"another"), Err(Error::EscrowPart));
    }
    let good = of[0].1.to_bytes();
    for place in 0..EscrowPart::SIZE {
        let mut bytes = good;
        bytes[place] ^= 1;
        if let Ok(changed) = EscrowPart::from_bytes(&bytes) {
            let verified = verify(&changed, 0, LINE);
            assert_eq!(verified, Err(Error::EscrowPart), "byte {place}");
        }
    }
}

/// A share that was not dealt, used honestly: its part is told, too.
#[test]
fn fault_10_a_part_of_a_share_that_was_not_dealt_is_told() {
    let mut court = court();
    let index = HolderIndex::at(0).unwrap();
    let foreign = RegulatorShare::from_bytes(index, &court.shares[1].expose()).unwrap();
    assert_eq!(foreign.verify(&court.regulators), Err(Error::EscrowPart));
    for share in &court.shares {
        assert_eq!(share.verify(&court.regulators), Ok(()));
    }
    let part = EscrowPart::make(&court.proven, &foreign, LINE, &mut court.draws);
    let verified = part.verify(&court.proven, (&court.regulators, index), LINE);
    assert_eq!(verified, Err(Error::EscrowPart));
}

/// Regulators open under one pseudonym what a hospital took from another visit.
#[test]
fn fault_10_the_escrow_of_another_visit_is_told_by_its_proof() {
    let mut court = court();
    let other = patient(2).visit(&HOSPITAL, 0);
    let key = &court.regulators.key;
    let swapped = Escrow::make(
        &patient(2),
        &other.nym_secret,
        key,
        &HOSPITAL,
        &mut court.draws,
    );
    let proven = swapped.prove(&court.nym, key, &HOSPITAL);
    assert_eq!(proven.err(), Some(Error::Escrow));
    // A part of one visit is none of another's.
    let part = court.parts(&[0]).remove(0).1;
    let escrow = Escrow::make(
        &patient(2),
        &other.nym_secret,
        &court.regulators.key,
        &HOSPITAL,
        &mut court.draws,
    );
    let proven = escrow.prove(&other.nym, &court.regulators.key, &HOSPITAL);
    let of = (&court.regulators, court.shares[0].index());
    assert_eq!(
        part.verify(&proven.unwrap(), of, LINE),
        Err(Error::EscrowPart)
    );
    assert!(
        court
            .escrow
            .verify(&court.nym, &court.regulators.key, b"there")
            .is_err()
    );
}

#[test]
fn a_deal_is_for_one_to_thirty_two_and_a_threshold_among_them() {
    let mut draws = Draws::named("deals");
    let secret = RegulatorSecret::random(&mut draws);
    for (threshold, count) in [(0, 3), (4, 3), (1, HOLDERS_MAX + 1), (0, 0)] {
        let dealt = secret.deal(threshold, count, &mut draws);
        assert_eq!(dealt.err(), Some(Error::Threshold));
    }
    let (regulators, shares) = secret.deal(32, HOLDERS_MAX, &mut draws).unwrap();
    assert_eq!((regulators.threshold(), shares.len()), (32, 32));
    assert_eq!(regulators.key, secret.public());
}
