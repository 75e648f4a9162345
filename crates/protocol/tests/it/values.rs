//! One value of each type, all from fixed seeds.

use rand::{SeedableRng as _, rngs::StdRng};
use yilian_crypto::{
    kem::{KemPublic, KemSecret},
    pre::{
        self, DelegateeSecret, DelegatorSecret, HolderIndex, Partial, PartialContext, Rekey,
        ShareCommitment,
    },
    pseudonym::{Escrow, RegulatorSecret},
    psk::SecretShare,
    scope::{Confidentiality, Quarter},
    search::{IndexContext, IndexEntry, IndexKey, Keyword, SearchSecret, WriterSecret, padded},
    seed::{MailboxKeys, PatientKeys, Seed, VisitKeys},
    sign::SigningKey,
    trace::MaskedKey,
};
use yilian_protocol::{
    CertificateId, ChainId, Height, MemberId, PersonId, TimeMs, TraceId, TransactionId, TreeHash,
    authored::Authored,
    call::{Reencapsulated, SealRequest},
    codec::{Blob, List, Text},
    disclosure::{Approval, Disclosure, DisclosureRequest},
    governance::{Ballot, BallotChoice, Candidacy, Delegate, EpochBlocks, Governance, NodeAddress},
    grant::{
        Ask, Clinician, Commitment, Dealt, Deposit, Erasure, Grant, GrantChange, GrantState,
        GrantedScope, HolderAsk, Opening, Purpose, SealedDeposit, SealedPartial, SignedAsk,
        SignedPartial, Terms, Use, UsesRequest,
    },
    ids::Salt,
    letter::{Letter, LetterRecord, Share},
    mail::MailboxCard,
    media::MediaType,
    private_chain::{
        Anchor, ConsistencyProof, PrivateBlock, PrivateCheck, PrivateEntry, PrivateHeader, Subtrees,
    },
    registry::{
        Admitted, Certificate, CertificateEntry, Genesis, Member, MemberEntry, Motion, NodeKeys,
        Revocation, Role, Vote,
    },
    sealed::SealedObject,
    search::RecordIndex,
    standing::CertifiedPerson,
    trace::{
        AuthorPass, AuthoredEvent, HeightWindow, TraceAction, TraceAppend, TracePush, TraceShared,
        TraceTerms,
    },
    tx::{Body, Transaction},
    visit::{CheckedVisit, Visit, VisitToken},
    voucher::{NewGrant, Voucher},
};

pub const NOW: u64 = 1_790_000_000_000;

pub fn rng() -> StdRng {
    StdRng::seed_from_u64(42)
}

pub fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

pub fn regulators() -> RegulatorSecret {
    RegulatorSecret::from_seed(&[8; 32])
}

pub fn genesis() -> Genesis {
    Genesis {
        name: Text::new("测试网络").unwrap(),
        created: TimeMs::new(NOW),
        ca: key(1).verifying_key(),
        regulators: regulators().public().into(),
        group_key: Blob::new(vec![7; 96]).unwrap(),
        governance: governance(),
    }
}

pub fn governance() -> Governance {
    let delegate = |number: u8, address: &str| Delegate {
        peer: key(number).verifying_key(),
        address: NodeAddress(address.parse().unwrap()),
    };
    let delegates = vec![
        delegate(40, "10.0.0.1:9000"),
        delegate(41, "[2001:db8::1]:9000"),
    ];
    Governance::new(EpochBlocks::DEFAULT, delegates).unwrap()
}

pub fn chain() -> ChainId {
    genesis().chain()
}

/// The key for messages of whoever has the seed of this number.
pub fn kem(number: u8) -> KemPublic {
    NodeKeys::of(&key(number)).kem
}

pub fn kem_secret(number: u8) -> KemSecret {
    KemSecret::of_node(&key(number))
}

pub fn member() -> Member {
    Member {
        name: Text::new("North").unwrap(),
        ca: key(2).verifying_key(),
        node: key(3).verifying_key(),
        kem: kem(3),
        stamp: NodeKeys::of(&key(3)).stamp,
    }
}

pub fn hospital() -> MemberId {
    member().id()
}

pub fn certificate(role: Role) -> Certificate {
    Certificate {
        subject: Text::new("Dr Li").unwrap(),
        person: PersonId::of("Dr Li"),
        member: hospital(),
        role,
        signing: key(4).verifying_key(),
        delegatee: DelegateeSecret::from_seed(&[4; 32]).public(),
        writer: WriterSecret::from_seed(&[4; 32]).public(),
        kem: kem(4),
        valid_from: TimeMs::new(NOW),
        valid_until: TimeMs::new(NOW + 1_000_000),
    }
}

pub fn entry(role: Role) -> CertificateEntry {
    CertificateEntry {
        certificate: certificate(role),
        admitted: admitted(NOW),
        revoked: None,
    }
}

/// The one of [`entry`], and the member.
pub fn person(role: Role) -> CertifiedPerson {
    person_of(entry(role))
}

pub fn person_of(entry: CertificateEntry) -> CertifiedPerson {
    CertifiedPerson::new(entry, MemberEntry::new(member(), admitted(NOW))).unwrap()
}

pub fn grant() -> Grant {
    Grant {
        controller: key(9).verifying_key(),
        terms: terms().commitment(),
        until: TimeMs::new(NOW + 9),
        holders: List::new(vec![hospital()]).unwrap(),
        threshold: 1,
        emergency: false,
    }
}

pub fn clinician(certificate: CertificateId) -> Clinician {
    Clinician {
        certificate,
        member: hospital(),
    }
}

pub fn voucher() -> Voucher {
    Voucher::sign(chain(), (hospital(), &key(3)), 7, &grant())
}

pub fn admitted(time: u64) -> Admitted {
    Admitted {
        height: yilian_protocol::Height::new(5),
        time: TimeMs::new(time),
    }
}

pub fn author() -> CertificateId {
    certificate(Role::Doctor).id()
}

pub fn patient() -> PatientKeys {
    PatientKeys::from_seed(&Seed::from_bytes([5; 32]), chain().as_bytes())
}

pub fn delegator() -> DelegatorSecret {
    patient().hospital(hospital().as_bytes()).delegator
}

pub fn quarter() -> Quarter {
    Quarter::new(2026, 4).unwrap()
}

pub fn visit_keys(counter: u32) -> VisitKeys {
    patient().visit(hospital().as_bytes(), counter)
}

pub fn visit(counter: u32) -> Visit {
    let keys = visit_keys(counter);
    let hospital_keys = patient().hospital(hospital().as_bytes());
    let public = regulators().public();
    let escrow = Escrow::make(
        &patient(),
        &keys.nym_secret,
        &public,
        hospital().as_bytes(),
        &mut rng(),
    );
    Visit {
        chain: chain(),
        hospital: hospital(),
        delegator: hospital_keys.delegator.public(),
        nym: keys.nym,
        period: quarter(),
        tag: None,
        search: hospital_keys.search.public(),
        secret: hospital_keys.delegator.period(quarter(), None),
        search_secret: hospital_keys.searches.quarter(quarter()),
        mailbox: card().id(),
        escrow,
        expires: TimeMs::new(NOW + 1_000),
    }
}

pub fn token(counter: u32) -> VisitToken {
    let secret = visit_keys(counter).nym_secret;
    VisitToken::sign(visit(counter), &secret, &mut rng()).with_card(card())
}

/// The patient's mailbox.
pub fn mailbox() -> MailboxKeys {
    patient().mailbox(hospital().as_bytes())
}

pub fn card() -> MailboxCard {
    MailboxCard {
        mailbox: mailbox().signing.verifying_key(),
        kem: mailbox().kem.public().clone(),
    }
}

pub fn checked() -> CheckedVisit {
    let public = regulators().public();
    token(0)
        .check(chain(), hospital(), &public, TimeMs::new(NOW))
        .unwrap()
}

pub fn authored() -> Authored {
    let scope = checked().scope(Confidentiality::Clinical);
    Authored::sign(
        author(),
        &key(4),
        chain(),
        visit_keys(0).nym,
        scope,
        TimeMs::new(NOW),
        (
            MediaType::FhirJson,
            b"{\"resourceType\":\"Bundle\"}".to_vec(),
        ),
        &mut rng(),
    )
}

pub fn object() -> SealedObject {
    SealedObject::seal(&authored(), &checked(), &mut rng()).unwrap()
}

/// Two of three key holders.
pub fn deal() -> (ShareCommitment, Vec<Rekey>) {
    let scope = checked().scope(Confidentiality::Clinical);
    let reader = DelegateeSecret::from_seed(&[4; 32]).public();
    delegator()
        .scope(&scope)
        .deal(&reader, 2, 3, &mut rng())
        .unwrap()
}

pub fn terms() -> Terms {
    let scope = checked().scope(Confidentiality::Clinical);
    Terms {
        salt: Salt::from_bytes([6; 32]),
        reader: author(),
        purpose: Purpose::Treatment,
        from: TimeMs::new(NOW),
        scopes: List::new(vec![GrantedScope {
            key: delegator().public().scope(&scope),
            commitment: Commitment(deal().0),
        }])
        .unwrap(),
    }
}

pub fn deposit() -> Deposit {
    let dealt = Dealt {
        shares: vec![deal().1[0]],
        secrets: vec![SecretShare::from_bytes([6; 32])],
    };
    Deposit::sign(chain(), hospital(), terms(), dealt, &key(9)).unwrap()
}

pub fn sealed_deposit() -> SealedDeposit {
    deposit().seal(chain(), &kem(3), &mut rng()).unwrap()
}

pub fn holder_ask() -> HolderAsk {
    HolderAsk::seal(chain(), &ask(), (hospital(), &kem(3)), &mut rng()).unwrap()
}

pub fn signed_partial() -> SignedPartial {
    let proven = object().verify(chain(), &terms().scopes[0].key).unwrap();
    let (commitment, shares) = deal();
    let context = PartialContext {
        scope_key: &terms().scopes[0].key,
        delegatee: &DelegateeSecret::from_seed(&[4; 32]).public(),
        index: HolderIndex::at(0).unwrap(),
        commitment: &commitment,
    };
    let partial = Partial::make(&proven, &shares[0], &context, &mut rng());
    let parts = (partial, Some(deposit().secrets[0].clone()));
    SignedPartial::sign(chain(), &ask(), hospital(), parts, &key(3))
}

pub fn sealed_partial() -> SealedPartial {
    SealedPartial::seal(chain(), &ask(), &signed_partial(), &kem(4), &mut rng()).unwrap()
}

pub fn share() -> Share {
    let scope = checked().scope(Confidentiality::Clinical);
    let proven = object().verify(chain(), &terms().scopes[0].key).unwrap();
    Share {
        chain: chain(),
        record: object().cid().record(),
        reader: author(),
        scope: terms().scopes[0].key,
        secret: delegator().scope(&scope).psk().record(proven.capsule()),
        capsule: Reencapsulated::Gt(pre::reencapsulate(&proven, &deal().1[0])),
        blind: None,
    }
}

pub fn letter() -> Letter {
    let scope = checked().scope(Confidentiality::Clinical);
    Letter {
        chain: chain(),
        grant: deposit().grant,
        terms: terms(),
        secrets: List::new(vec![delegator().scope(&scope).psk().clone()]).unwrap(),
        records: List::new(vec![LetterRecord {
            record: object().cid().record(),
            scope: terms().scopes[0].key,
        }])
        .unwrap(),
    }
}

pub fn uses_request() -> UsesRequest {
    UsesRequest::sign(chain(), hospital(), 7, TimeMs::new(NOW), &key(9))
}

pub fn usage() -> Use {
    Use {
        record: object().cid().record(),
        reader: author(),
        purpose: Purpose::Treatment,
        at: TimeMs::new(NOW),
    }
}

pub fn ask() -> SignedAsk {
    let ask = Ask {
        grant: deposit().grant,
        record: object().cid().record(),
        scope: terms().scopes[0].key,
        reader: author(),
        purpose: Purpose::Treatment,
        asked_at: TimeMs::new(NOW),
    };
    SignedAsk::sign(chain(), ask, &key(4))
}

pub fn seal_request() -> SealRequest {
    let (objects, index) = (vec![object()], vec![index()]);
    SealRequest::sign(&checked(), false, objects, index, (author(), &key(4))).unwrap()
}

pub fn bodies() -> Vec<Body> {
    let grant = grant();
    let revocation = Revocation {
        member: hospital(),
        certificate: author(),
        reason: Text::new("left").unwrap(),
    };
    let id = grant.id();
    vec![
        Body::Admit(member()),
        Body::Certify(certificate(Role::Pharmacist)),
        Body::Revoke(revocation),
        Body::Seal(seal_request().visit),
        Body::CreateGrant(NewGrant {
            grant,
            voucher: voucher(),
        }),
        Body::SetGrant(GrantChange {
            grant: id,
            state: GrantState::Paused,
            sequence: 1,
        }),
        Body::AppendTrace(trace_append()),
        Body::Erase(Erasure {
            grant: id,
            holder: hospital(),
        }),
        Body::Anchor(Anchor {
            header: log_header(),
            consistency: ConsistencyProof::new(&OneLeaf, 2, 3).unwrap(),
        }),
        Body::Vote(Vote {
            subject: hospital(),
            motion: Motion::Suspend,
            round: 2,
            voter: MemberId::from_bytes([8; 32]),
            favour: true,
            sequence: 5,
        }),
        Body::Open(Opening::sign(
            chain(),
            id,
            (
                clinician(author()),
                clinician(CertificateId::from_bytes([7; 32])),
            ),
            Text::new("unconscious").unwrap(),
            TimeMs::new(NOW),
            &key(4),
        )),
        Body::Stand(Candidacy::sign(
            chain(),
            hospital(),
            Some(NodeAddress("192.0.2.1:9000".parse().unwrap())),
            6,
            &key(42),
        )),
        Body::Elect(Ballot {
            voter: hospital(),
            candidate: Some(BallotChoice(key(42).verifying_key())),
            sequence: 7,
        }),
        Body::Disclose(disclosure()),
    ]
}

pub fn disclosure() -> Disclosure {
    let request = DisclosureRequest {
        nym: visit_keys(0).nym,
        case: Text::new("2026-1").unwrap(),
        reason: Text::new("abuse").unwrap(),
        by: author(),
        member: hospital(),
        at: TimeMs::new(NOW),
    };
    let other = (CertificateId::from_bytes([7; 32]), hospital());
    let approval = Approval::sign(chain(), &request, other, &key(5));
    Disclosure {
        request,
        approvals: List::new(vec![approval]).unwrap(),
    }
}

/// A tree of which every hash is the same: for spelling, not for proving.
struct OneLeaf;

impl Subtrees for OneLeaf {
    type Error = std::convert::Infallible;

    fn perfect(&self, _level: u32, _index: u64) -> Result<TreeHash, Self::Error> {
        Ok(TreeHash::from_bytes([5; 32]))
    }
}

fn log_header() -> PrivateHeader {
    PrivateHeader {
        hospital: hospital(),
        height: Height::new(4),
        previous: TreeHash::from_bytes([1; 32]),
        first: 2,
        count: 1,
        root: TreeHash::from_bytes([2; 32]),
        tree: TreeHash::from_bytes([3; 32]),
        time: TimeMs::new(NOW),
    }
}

pub fn log_block() -> PrivateBlock {
    let request = seal_request();
    let entry = PrivateEntry {
        author: request.author,
        nym: request.visit.nym,
        record: object().cid().record(),
        object: object().cid(),
        index: index().digest(),
        transaction: TransactionId::from_bytes([6; 32]),
        signature: request.signature,
        evidence: request.evidence,
    };
    assert!(entry.matches(&request.visit));
    PrivateBlock {
        header: log_header(),
        signature: log_header().sign(chain(), &key(3)),
        check: Some(PrivateCheck::sign(
            chain(),
            (hospital(), log_header().previous),
            std::slice::from_ref(&entry),
            author(),
            &key(4),
        )),
        entries: List::new(vec![entry]).unwrap(),
    }
}

pub fn pass() -> AuthorPass {
    let (from, until) = (TimeMs::new(NOW), TimeMs::new(NOW + 1_000_000));
    AuthorPass::issue(
        chain(),
        key(7).verifying_key(),
        Role::Courier,
        from,
        until,
        &key(1),
    )
}

pub fn trace_append() -> TraceAppend {
    let push = |number: u8| TracePush {
        trace: TraceId::from_bytes([number; 32]),
        length: u32::from(number),
        key: MaskedKey::from_bytes([number + 1; 32]),
    };
    TraceAppend {
        terms: TraceTerms {
            pass: pass(),
            action: TraceAction::Observe,
            window: HeightWindow::after(Height::new(7)),
            pushes: List::new(vec![push(1), push(2)]).unwrap(),
            event: Blob::new(vec![5; 20]).unwrap(),
            prescription: Some(TreeHash::from_bytes([6; 32])),
        },
        proof: Blob::new(vec![8; 30]).unwrap(),
    }
}

pub fn shared(time: u64) -> TraceShared {
    TraceShared {
        pass: pass(),
        action: TraceAction::Observe,
        event: Blob::new(vec![5; 20]).unwrap(),
        admitted: admitted(time),
    }
}

pub fn authored_event() -> AuthoredEvent {
    let (pass, at) = (key(7).verifying_key(), TimeMs::new(NOW));
    let event = b"{}".to_vec();
    AuthoredEvent::sign(
        courier().id(),
        &key(4),
        chain(),
        &pass,
        TraceAction::Observe,
        at,
        event,
    )
}

pub fn courier() -> Certificate {
    certificate(Role::Courier)
}

pub fn transactions() -> Vec<Transaction> {
    bodies()
        .into_iter()
        .map(|body| Transaction::sign(chain(), body, &key(2)))
        .collect()
}

/// The index of a record with one keyword.
pub fn index() -> RecordIndex {
    let writer = WriterSecret::from_seed(&[4; 32]);
    let public = SearchSecret::from_seed(&[5; 32]).public();
    let (chain, hospital) = (chain(), hospital());
    let context = IndexContext {
        psk: &patient()
            .hospital(hospital.as_bytes())
            .searches
            .quarter(quarter()),
        chain: chain.as_bytes(),
        hospital: hospital.as_bytes(),
        quarter: quarter(),
    };
    let key = IndexKey::of_writer(&writer, &public, &context);
    let key = key.keyword(&Keyword::new("i10").unwrap());
    let counter = yilian_crypto::search::Counter::after(3).unwrap();
    let entry = IndexEntry::seal(&key, counter, &[6; 32]);
    RecordIndex::new(padded(vec![entry], &mut rng()).unwrap()).unwrap()
}
