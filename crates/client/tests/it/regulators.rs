//! Opening identities, from the question to the answer, and what stops one who cheats.

use yilian_client::{
    CheckIn, ClientError, Patient, Wallet,
    explorer::{self, Found},
    regulator::{Case, Regulator},
};
use yilian_crypto::{
    pre::HolderIndex,
    pseudonym::RegulatorShare,
    seed::{MemberKeys, Seed},
    sign::SigningKey,
};
use yilian_protocol::{
    RecordId, call::SealRequest, codec::Text, disclosure::DisclosurePart, letter::SealedLetter,
    private_chain::PrivateEntry, refusal::Refusal, registry::Role, visit::CheckedVisit,
};

use crate::{
    author::Author,
    world::{World, hospital, now},
};

/// Two of three regulators, of whom the first asks, and the second approves and gives a part.
struct Office {
    world: World,
    asks: Regulator,
    approves: Regulator,
}

async fn office() -> Office {
    let world = World::with(2).await;
    let mut regulators = Vec::new();
    for name in ["Guan", "Shen"] {
        let ca = hospital(1);
        let person = world.certify(&ca, name, Role::Regulator, 1).await;
        regulators.push(person.regulator().unwrap());
    }
    let approves = regulators.pop().unwrap();
    let asks = regulators.pop().unwrap();
    Office {
        world,
        asks,
        approves,
    }
}

impl Office {
    async fn ask(&self, record: RecordId) -> Case {
        let session = &self.world.session;
        let nym = session.record(record).await.unwrap().nym;
        let why = (Text::new("2026-17").unwrap(), Text::new("forged").unwrap());
        let case = self.asks.ask(session, nym, why, now()).await.unwrap();
        // As a file.
        serde_json::from_str(&serde_json::to_string(&case).unwrap()).unwrap()
    }

    /// A case of a record each, of one patient, both on the chain.
    async fn announced<const N: usize>(&self) -> [Case; N] {
        let doctor = self.world.doctor(0, "Dr North").await;
        let mut ann = self.world.patient();
        let mut cases = Vec::new();
        for _ in 0..N {
            let here = hospital(0).id();
            let record = self.world.visit(&mut ann, here, &doctor, "one").await;
            let case = self.ask(record).await;
            self.announce(&case).await;
            cases.push(case);
        }
        cases.try_into().unwrap()
    }

    async fn announce(&self, case: &Case) {
        let session = &self.world.session;
        let approval = self.approves.approve(session, case, now()).await.unwrap();
        let announced = self.asks.announce(session, case, vec![approval]);
        announced.await.unwrap();
    }

    /// The identity behind a record, by the regulators of two shares.
    async fn opened(&self, record: RecordId, shares: [usize; 2]) -> String {
        let session = &self.world.session;
        let case = self.ask(record).await;
        self.announce(&case).await;
        let mut parts = Vec::new();
        for (regulator, share) in [(&self.asks, shares[0]), (&self.approves, shares[1])] {
            let share = &self.world.regulators[share];
            let rng = &mut rand::rng();
            let part = regulator.part(session, &case, share, now(), rng).await;
            parts.push(part.unwrap());
        }
        let identity = self.asks.open(session, &case, &parts).await.unwrap();
        // Nobody else opens the parts.
        let other = self.approves.open(session, &case, &parts).await;
        assert!(matches!(other, Err(ClientError::NotForMe { .. })));
        identity.to_string()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_of_three_find_the_same_patient_at_every_visit_and_he_sees_it() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let (north, south) = (
        world.doctor(0, "Dr North").await,
        world.doctor(1, "Dr South").await,
    );
    let (mut ann, mut ben) = (world.patient(), world.patient());
    let (here, there) = (hospital(0).id(), hospital(1).id());
    let first = world.visit(&mut ann, here, &north, "one").await;
    let second = world.visit(&mut ann, there, &south, "two").await;
    let other = world.visit(&mut ben, here, &north, "three").await;

    let identity = office.opened(first, [0, 1]).await;
    assert_eq!(office.opened(second, [2, 0]).await, identity);
    assert_ne!(office.opened(other, [1, 2]).await, identity);

    let seen = ann.disclosures(session).await.unwrap();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0].disclosure.request.reason.as_str(), "forged");
    assert_eq!(seen[0].disclosure.approvals.len(), 1);
    assert_eq!(ben.disclosures(session).await.unwrap().len(), 1);
}

/// The command of a regulator, given by a doctor or by a regulator who was one.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_regulator_in_good_standing_asks_whose_record_it_is() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let ca = hospital(0);
    let doctor = world.certify(&ca, "Dr North", Role::Doctor, 1).await;
    let mut ann = world.patient();
    let author = doctor.doctor().unwrap();
    let record = world.visit(&mut ann, ca.id(), &author, "one").await;
    let nym = session.record(record).await.unwrap().nym;
    let ask = async |who: &Regulator| {
        let why = (Text::new("2026-17").unwrap(), Text::new("curious").unwrap());
        let asked = who.ask(session, nym, why, now()).await;
        asked.map(drop).map_err(|error| error.refusal())
    };
    let doctor = doctor.regulator().unwrap();
    assert_eq!(ask(&doctor).await, Err(Some(Refusal::RoleNotAllowed)));
    assert_eq!(ask(&office.asks).await, Ok(()));
    let (agency, left) = (hospital(1), Text::new("left").unwrap());
    let leaves = world.certify(&agency, "Wen", Role::Regulator, 1).await;
    let certificate = leaves.certificate().id();
    let leaves = leaves.regulator().unwrap();
    assert_eq!(ask(&leaves).await, Ok(()));
    let revoked = agency.revoke(session, certificate, left);
    revoked.await.unwrap();
    let refused = Err(Some(Refusal::CertificateRevoked));
    assert_eq!(ask(&leaves).await, refused);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_part_is_given_without_a_line_on_the_chain() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let doctor = world.doctor(0, "Dr North").await;
    let mut ann = world.patient();
    let record = world
        .visit(&mut ann, hospital(0).id(), &doctor, "one")
        .await;
    let case = office.ask(record).await;
    let share = &world.regulators[0];
    let disclosure = case.id();
    let rng = &mut rand::rng();
    let early = office.asks.part(session, &case, share, now(), rng).await;
    let refused = ClientError::NotDisclosed { disclosure };
    assert_eq!(early.unwrap_err(), refused);
    // The ledger wants two.
    let alone = office.asks.announce(session, &case, Vec::new()).await;
    let rule = alone.unwrap_err().refusal();
    assert_eq!(rule, Some(Refusal::TooFewRegulators));

    office.announce(&case).await;
    // Whoever asks for the line sees it.
    let found = explorer::find(session, *disclosure.as_bytes()).await;
    let Some(Found::Disclosure(line)) = found.unwrap() else {
        panic!("the line is not found");
    };
    assert_eq!(line.disclosure.request, case.request);
    let part = office
        .asks
        .part(session, &case, share, now(), rng)
        .await
        .unwrap();
    // A line is for what it says, and for nothing else.
    let mut other = case.clone();
    other.request.reason = Text::new("curiosity").unwrap();
    let disclosure = other.id();
    let refused = office.asks.part(session, &other, share, now(), rng).await;
    assert_eq!(
        refused.unwrap_err(),
        ClientError::NotDisclosed { disclosure }
    );
    // One part opens nothing, twice neither.
    let parts = [part.clone(), part];
    let few = office.asks.open(session, &case, &parts).await;
    let (found, needed) = (1, 2);
    assert_eq!(few, Err(ClientError::TooFewParts { found, needed }));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_wrong_part_is_taken_or_its_regulator_not_named() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let [case, other] = office.announced().await;
    // A share of another number: it is not given.
    let rng = &mut rand::rng();
    let index = HolderIndex::at(2).unwrap();
    let false_share = RegulatorShare::from_bytes(index, &world.regulators[0].expose()).unwrap();
    let given = office
        .asks
        .part(session, &case, &false_share, now(), rng)
        .await;
    let wrong = yilian_crypto::Error::EscrowPart;
    assert_eq!(given.unwrap_err(), ClientError::Crypto(wrong));
    // A part of another case, put to this one.
    let [good, bad] = [&case, &other].map(|case| (case, &world.regulators[1]));
    let good = office
        .asks
        .part(session, good.0, good.1, now(), rng)
        .await
        .unwrap();
    let bad = office
        .approves
        .part(session, bad.0, bad.1, now(), rng)
        .await
        .unwrap();
    let parts = [good.clone(), bad];
    let opened = office.asks.open(session, &case, &parts).await;
    assert_eq!(opened, Err(ClientError::ForeignPart));

    // One who signs a part that is not of the share whose number it has is named.
    let seed = Seed::random(rng);
    let (name, until) = (Text::new("Liar").unwrap(), now().plus_ms(1_000_000));
    let ca = hospital(1);
    let certificate = ca.certificate(name, Role::Regulator, &seed, now(), until);
    ca.certify(session, certificate.clone()).await.unwrap();
    let (regulator, keys) = (certificate.id(), MemberKeys::from_seed(&seed));
    let nym = case.request.nym;
    let key = session.genesis().regulators.key;
    let here = hospital(0).id();
    let escrow = case.evidence.verify(session.chain(), here, &nym, &key);
    let (of, escrow) = ((session.chain(), case.id()), escrow.unwrap());
    let part = |signs| DisclosurePart::make(of, &escrow, &false_share, signs, &mut rand::rng());
    let asks = good.reader;
    let kem = session.certificate(asks).await.unwrap().certificate.kem;
    let sealed = |part| SealedLetter::seal(&part, (asks, &kem), &mut rand::rng()).unwrap();
    let lie = sealed(part((regulator, &keys.signing)));
    let parts = [good.clone(), lie];
    let opened = office.asks.open(session, &case, &parts).await;
    assert_eq!(opened, Err(ClientError::WrongPart { regulator }));
    // Nobody is named for what another signed in his name.
    let other = SigningKey::from_seed(&[3; 32]);
    let parts = [good, sealed(part((regulator, &other)))];
    let opened = office.asks.open(session, &case, &parts).await;
    assert_eq!(opened, Err(ClientError::ForeignPart));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_10_the_escrow_of_another_visit_is_opened() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let doctor = world.doctor(0, "Dr North").await;
    let (mut ann, mut ben) = (world.patient(), world.patient());
    let hospital = hospital(0).id();
    let mine = world.visit(&mut ann, hospital, &doctor, "one").await;
    let his = world.visit(&mut ben, hospital, &doctor, "two").await;
    let (case, other) = (office.ask(mine).await, office.ask(his).await);
    office.announce(&case).await;
    let rng = &mut rand::rng();
    let no_evidence = ClientError::NoEvidence { hospital };
    // The whole evidence of another visit, and the escrow alone.
    for evidence in [
        other.evidence.clone(),
        yilian_protocol::evidence::VisitEvidence {
            escrow: other.evidence.escrow.clone(),
            ..case.evidence.clone()
        },
    ] {
        let swapped = Case {
            evidence,
            ..case.clone()
        };
        let share = &world.regulators[0];
        let part = office.asks.part(session, &swapped, share, now(), rng).await;
        assert_eq!(part.unwrap_err(), no_evidence);
    }
}

/// The doctor's device, or whoever stole its key, hands the node what another patient signed.
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_node_keeps_evidence_that_is_none() {
    let world = World::with(1).await;
    let session = &world.session;
    let author = Author::certified(&world, 0).await;
    let rng = &mut rand::rng();
    let (mut ann, mut ben) = (world.patient(), world.patient());
    let [mine, his] = [&mut ann, &mut ben].map(|patient| {
        let token = patient.check_in(session, CheckIn::at(hospital(0).id(), now()), rng);
        author.doctor.check_in(session, &token, now()).unwrap()
    });
    let good = author.request(session, &mine).await;
    let mut swapped = good.clone();
    swapped.evidence = his.evidence().clone();
    let refused = session.seal(swapped).await.unwrap_err().refusal();
    assert_eq!(refused, Some(Refusal::VisitUnbound));
    // The chain knows no such visit yet, so it takes no seal that only refers to one.
    let mut unbound = good.clone();
    unbound.visit.binding = None;
    let refused = session.seal(unbound).await.unwrap_err().refusal();
    // The author signed what is bound.
    assert_eq!(refused, Some(Refusal::BadSignature));
    let referring = |evidence: &CheckedVisit| SealRequest {
        evidence: evidence.evidence().clone(),
        ..author.again(&mine, true, &good)
    };
    let refused = session.seal(referring(&mine)).await.unwrap_err().refusal();
    assert_eq!(refused, Some(Refusal::VisitUnbound));
    session.seal(good.clone()).await.unwrap();
    // It knows the visit now, and not the other's.
    let refused = session.seal(referring(&his)).await.unwrap_err().refusal();
    assert_eq!(refused, Some(Refusal::VisitUnbound));
}

/// Two devices of one patient hand over a token each under one pseudonym. One of them is sealed
/// under; the other leaves nothing in the private chain that a regulator could take for evidence.
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_second_token_hides_the_evidence_of_a_visit() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let doctor = world.doctor(0, "Dr North").await;
    let author = Author::certified(world, 0).await;
    let seed = Seed::random(&mut rand::rng());
    let here = hospital(0).id();
    let device = || Patient::new(&seed, Wallet::new(session.chain()));
    let (mut one, mut other) = (device(), device());
    let record = world.visit(&mut one, here, &doctor, "one").await;
    let kept = |entries: &[PrivateEntry], nym| {
        let mut of_nym = entries.iter().filter(|entry| entry.nym == nym);
        of_nym.any(|entry| entry.author == author.id())
    };
    let rng = &mut rand::rng();
    let token = other.check_in(session, CheckIn::at(here, now()), rng);
    let visit = author.doctor.check_in(session, &token, now()).unwrap();
    let honest = author.request(session, &visit).await;
    // It says what the second token signed, as if nothing were sealed yet; or refers to the first.
    for bound in [false, true] {
        let refused = session.seal(author.again(&visit, bound, &honest)).await;
        assert_eq!(refused.unwrap_err().refusal(), Some(Refusal::VisitUnbound));
    }
    let open = session.log_open(here).await.unwrap();
    assert!(!kept(&open.entries, visit.visit().nym));
    office.opened(record, [0, 1]).await;
}

/// Regulators whom a member's CA made up approve of each other. Who holds a share, and neither
/// asked nor approved, gives them nothing.
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_invented_regulators_are_given_parts() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let [case] = office.announced().await;
    let holder = world
        .certify(&hospital(0), "Holder", Role::Regulator, 1)
        .await;
    let holder = holder.regulator().unwrap();
    let (share, rng) = (&world.regulators[0], &mut rand::rng());
    let given = holder.part(session, &case, share, now(), rng).await;
    let disclosure = case.id();
    assert_eq!(given.unwrap_err(), ClientError::NotMyCase { disclosure });
}

/// A line on the chain is no leave for ever: who asked may not act any more, or a month is over.
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_parts_are_given_to_one_who_was_revoked() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let [case] = office.announced().await;
    let (share, rng) = (&world.regulators[1], &mut rand::rng());
    let gives = &office.approves;
    gives.part(session, &case, share, now(), rng).await.unwrap();
    let why = Text::new("left").unwrap();
    let ca = hospital(1);
    ca.revoke(session, case.request.by, why).await.unwrap();
    let revoked = Some(Refusal::CertificateRevoked);
    let given = gives.part(session, &case, share, now(), rng).await;
    assert_eq!(given.unwrap_err().refusal(), revoked);
    let approved = gives.approve(session, &case, now()).await;
    assert_eq!(approved.unwrap_err().refusal(), revoked);
}

/// One who hands in junk stops nobody: enough good parts open.
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_bad_part_among_good_ones_stops_an_opening() {
    let office = office().await;
    let (world, session) = (&office.world, &office.world.session);
    let [case, other] = office.announced().await;
    let rng = &mut rand::rng();
    let mut parts = Vec::new();
    for (regulator, case, share) in [
        (&office.approves, &other, 1),
        (&office.asks, &case, 0),
        (&office.approves, &case, 1),
    ] {
        let share = &world.regulators[share];
        let part = regulator.part(session, case, share, now(), rng).await;
        parts.push(part.unwrap());
    }
    office.asks.open(session, &case, &parts).await.unwrap();
}
