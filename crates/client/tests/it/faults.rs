//! Attacks and mishaps that a hostile reader of this code found, each by its number in the review.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use yilian_client::{
    CERTIFICATE_DAYS, ClientError, PASS_DAYS, Session,
    grants::{self, Wish},
    passes_end, queue,
    trace::{PassBook, inspect},
};
use yilian_crypto::{
    seed::{PatientKeys, Seed},
    sign::SigningKey,
};
use yilian_node::service::InProcess;
use yilian_protocol::{
    GrantId,
    call::{Answered, Call, CallError, Transport},
    codec::{Blob, List},
    grant::{Grant, GrantState, SealedDeposit},
    ids::TermsHash,
    limits::{CLOCK_SKEW_MS, DAY_MS, GRANT_DAYS_MAX},
    refusal::Refusal,
    registry::{Motion, Role},
    trace::TraceAction,
    tx::{Body, SealVisit},
};

use crate::{
    grants::{cast, make},
    queue::{capture, pack},
    world::{World, hospital, now},
};

/// A connection that loses the answers to the next submissions; the node has them all the same.
#[derive(Debug, Clone)]
struct Lossy {
    inner: InProcess,
    losses: Arc<AtomicUsize>,
}

impl Transport for Lossy {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let answer = self.inner.call(call).await?;
        let lose = |left: usize| left.checked_sub(1);
        let lost = C::ROW.name == "submit"
            && self
                .losses
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, lose)
                .is_ok();
        match lost {
            true => Err(CallError::Unreachable {
                message: "the line went dead".to_owned(),
            }),
            false => Ok(answer),
        }
    }
}

/// A pharmacist's answer is lost, once or for good; he tries again. It is one dispensing, and no
/// alarm.
#[tokio::test(flavor = "multi_thread")]
async fn fault_12_a_lost_answer_to_an_append_raises_an_alarm_for_ever() {
    let world = World::with(1).await;
    let ca = hospital(0);
    let maker = world.certify(&ca, "Mai", Role::Maker, CERTIFICATE_DAYS);
    let handler = maker.await.handler().unwrap();
    let mut book = PassBook::default();
    let rng = &mut rand::rng();
    let request = handler.ask_passes(&world.session, &mut book, 10, rng);
    let (ca, until) = (&world.consortium, passes_end(now(), PASS_DAYS));
    let passes = ca
        .issue_passes(&world.session, &request, now(), until)
        .await;
    book.take_in(passes.unwrap());
    let losses = Arc::new(AtomicUsize::new(0));
    let lossy = Lossy {
        inner: world.transport.clone(),
        losses: Arc::clone(&losses),
    };
    let session = Session::open(lossy, world.session.genesis().clone()).await;
    let session = session.unwrap();
    let pack = pack("LOST");
    let begun = capture(&pack, TraceAction::Commission);
    let gone = capture(&pack, TraceAction::Destroy);
    // Lost once, and sent again within the call; lost for good, and called again.
    for (capture, lost) in [(&begun, 1), (&gone, 3)] {
        losses.store(lost, Ordering::SeqCst);
        let mut first = queue::append(&session, &handler, &mut book, capture, now(), rng).await;
        if lost == 3 {
            assert!(matches!(first, Err(ClientError::Call(_))), "{first:?}");
            first = queue::append(&session, &handler, &mut book, capture, now(), rng).await;
        }
        let again = queue::append(&session, &handler, &mut book, capture, now(), rng).await;
        assert_eq!(first.unwrap().height, again.unwrap().height);
    }
    let trail = inspect(&world.session, &pack, now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(trail.steps.len(), 2);
    assert!(trail.steps.iter().all(|step| !step.late));
}

/// Whoever caught an ask sends it again for as long as it is fresh: it is one use.
#[tokio::test(flavor = "multi_thread")]
async fn fault_13_asks_replay_for_five_minutes() {
    let (world, mut patient, reader) = cast(1).await;
    let session = &world.session;
    let wish = Wish::for_reader(reader.certificate());
    let letter = make(&world, &mut patient, &wish).await.unwrap();
    let record = letter.records[0].record;
    let asked = now();
    // With the same time the device signs the same bytes.
    for _ in 0..3 {
        reader
            .read(session, &letter, record, asked, &mut rand::rng())
            .await
            .unwrap();
    }
    let uses = grants::uses(session, &patient, letter.grant, now()).await;
    assert_eq!(uses.unwrap().told.len(), 1);
    let later = asked.plus_ms(1);
    reader
        .read(session, &letter, record, later, &mut rand::rng())
        .await
        .unwrap();
    let uses = grants::uses(session, &patient, letter.grant, now()).await;
    assert_eq!(uses.unwrap().told.len(), 2);
    let stale = now().plus_ms(CLOCK_SKEW_MS + 60_000);
    let stale = reader
        .read(session, &letter, record, stale, &mut rand::rng())
        .await;
    assert_eq!(stale.unwrap_err().refusal(), Some(Refusal::StaleRequest));
    // And what was answered once is not answered after the revocation.
    let revoked = GrantState::Revoked;
    patient
        .set_grant(session, letter.grant, revoked)
        .await
        .unwrap();
    let refused = reader
        .read(session, &letter, record, asked, &mut rand::rng())
        .await;
    assert_eq!(refused.unwrap_err().refusal(), Some(Refusal::GrantRevoked));
}

/// The grant is looked up before anything is unsealed or decoded.
#[tokio::test(flavor = "multi_thread")]
async fn fault_7_points_are_decoded_for_an_unknown_grant() {
    let world = World::with(1).await;
    let junk = SealedDeposit {
        grant: GrantId::from_bytes([9; 32]),
        holder: hospital(0).id(),
        hops: 0,
        sealed: Blob::new(vec![7; 100_000]).unwrap(),
    };
    let refused = world.session.deposit(junk).await.unwrap_err();
    assert_eq!(refused.refusal(), Some(Refusal::GrantUnknown));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_8_an_expelled_maker_gets_passes() {
    let world = World::with(4).await;
    let ca = hospital(0);
    let maker = world.certify(&ca, "Mai", Role::Maker, CERTIFICATE_DAYS);
    let handler = maker.await.handler().unwrap();
    let mut book = PassBook::default();
    let session = &world.session;
    let request = handler.ask_passes(session, &mut book, 1, &mut rand::rng());
    for number in 1..4 {
        let voter = hospital(number);
        let voted = voter.vote(session, Motion::Expel, ca.id(), true);
        voted
            .await
            .map(drop)
            .or_else(|error| match error.refusal() {
                // The last votes come after it is decided.
                Some(Refusal::StaleMotion) => Ok(()),
                _ => Err(error),
            })
            .unwrap();
    }
    let until = passes_end(now(), PASS_DAYS);
    let refused = world
        .consortium
        .issue_passes(session, &request, now(), until)
        .await;
    assert_eq!(
        refused.unwrap_err().refusal(),
        Some(Refusal::MemberSuspended)
    );
}

/// What a stranger signs is refused before it is ordered: the refusal is the node's, and not that
/// of a block.
#[tokio::test(flavor = "multi_thread")]
async fn fault_5_a_junk_seal_is_ordered_and_kept_for_ever() {
    let world = World::with(1).await;
    let patient = PatientKeys::from_seed(&Seed::random(&mut rand::rng()), &[7; 32]);
    let junk = Body::Seal(SealVisit {
        hospital: hospital(0).id(),
        nym: patient.visit(&[1; 32], 0).nym,
        binding: None,
        records: List::default(),
        index: List::default(),
    });
    let mine = SigningKey::from_seed(&[99; 32]);
    let refused = world.session.order(junk, &mine).await.unwrap_err();
    let rule = Refusal::WrongSigner;
    assert_eq!(refused, ClientError::Call(CallError::Refused { rule }));
}

/// A key holder vouches for what the ledger would take, and for nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn fault_5_a_key_holder_vouches_for_whatever_it_is_asked() {
    let world = World::with(2).await;
    let (first, second) = (hospital(0).id(), hospital(1).id());
    let grant = |days| Grant {
        controller: SigningKey::from_seed(&[98; 32]).verifying_key(),
        terms: TermsHash::from_bytes([1; 32]),
        until: now().plus_ms(days * DAY_MS),
        holders: List::new(vec![first]).unwrap(),
        threshold: 1,
        emergency: false,
    };
    let vouch = async |days, holder| {
        let asked = world.session.vouch(&grant(days), holder).await;
        asked.map(drop).map_err(|error| error.refusal())
    };
    assert_eq!(vouch(1, first).await, Ok(()));
    let stranger = vouch(1, second).await;
    assert_eq!(stranger, Err(Some(Refusal::NotKeyHolder)));
    let endless = vouch(GRANT_DAYS_MAX + 1, first).await;
    assert_eq!(endless, Err(Some(Refusal::GrantTooLong)));
    let over = vouch(0, first).await;
    assert_eq!(over, Err(Some(Refusal::GrantExpired)));
}
