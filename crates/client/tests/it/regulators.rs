//! Opening identities, from the question to the answer, and what stops one who cheats.

use yilian_client::{
    CheckIn, ClientError,
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
    refusal::Refusal, registry::Role,
};

use crate::world::{World, clinical, hospital, now};

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

    async fn announce(&self, case: &Case) {
        let session = &self.world.session;
        let approval = self.approves.approve(session, case);
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
            let part = regulator.part(session, &case, share, rng).await;
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
    let early = office.asks.part(session, &case, share, rng).await;
    let refused = ClientError::NotDisclosed { disclosure };
    assert_eq!(early.unwrap_err(), refused);
    // The ledger wants two.
    let alone = office.asks.announce(session, &case, Vec::new()).await;
    let rule = alone.unwrap_err().refusal();
    assert_eq!(rule, Some(Refusal::TooFewRegulators));

    office.announce(&case).await;
    let part = office.asks.part(session, &case, share, rng).await.unwrap();
    // A line is for what it says, and for nothing else.
    let mut other = case.clone();
    other.request.reason = Text::new("curiosity").unwrap();
    let disclosure = other.id();
    let refused = office.asks.part(session, &other, share, rng).await;
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
    let doctor = world.doctor(0, "Dr North").await;
    let mut ann = world.patient();
    let here = hospital(0).id();
    let [one, two] = [
        world.visit(&mut ann, here, &doctor, "one").await,
        world.visit(&mut ann, here, &doctor, "two").await,
    ];
    let (case, other) = (office.ask(one).await, office.ask(two).await);
    office.announce(&case).await;
    office.announce(&other).await;
    // A share of another number: it is not given.
    let rng = &mut rand::rng();
    let index = HolderIndex::at(2).unwrap();
    let false_share = RegulatorShare::from_bytes(index, &world.regulators[0].expose()).unwrap();
    let given = office.asks.part(session, &case, &false_share, rng).await;
    let wrong = yilian_crypto::Error::EscrowPart;
    assert_eq!(given.unwrap_err(), ClientError::Crypto(wrong));
    // A part of another case, put to this one.
    let [good, bad] = [&case, &other].map(|case| (case, &world.regulators[1]));
    let good = office
        .asks
        .part(session, good.0, good.1, rng)
        .await
        .unwrap();
    let bad = office
        .approves
        .part(session, bad.0, bad.1, rng)
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
        let part = office.asks.part(session, &swapped, share, rng).await;
        assert_eq!(part.unwrap_err(), no_evidence);
    }
}

/// The doctor's device, or whoever stole its key, hands the node what another patient signed.
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_node_keeps_evidence_that_is_none() {
    let world = World::with(1).await;
    let session = &world.session;
    let person = world
        .certify(&hospital(0), "Dr North", Role::Doctor, 1)
        .await;
    let doctor = person.doctor().unwrap();
    let rng = &mut rand::rng();
    let (mut ann, mut ben) = (world.patient(), world.patient());
    let [mine, his] = [&mut ann, &mut ben].map(|patient| {
        let token = patient.check_in(session, CheckIn::at(hospital(0).id(), now()), rng);
        doctor.check_in(session, &token, now()).unwrap()
    });
    let kept: std::cell::RefCell<Option<SealRequest>> = std::cell::RefCell::default();
    let drafts = vec![clinical("one")];
    let keep = |request: &SealRequest| {
        *kept.borrow_mut() = Some(request.clone());
        Err(ClientError::NoPass)
    };
    // Nothing is sent, the request is kept.
    let sealed = doctor
        .seal_kept(session, &mine, drafts, now(), rng, keep)
        .await;
    assert_eq!(sealed.unwrap_err(), ClientError::NoPass);
    let good = kept.into_inner().unwrap();
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
    session.seal(good).await.unwrap();
}
