//! A small consortium over a map, executed block by block; every read must have been declared.

use std::{collections::BTreeMap, sync::LazyLock};

use rand::SeedableRng as _;

use yilian_crypto::{
    kem::{KemPublic, KemSecret},
    pre::{DelegateeSecret, DelegatorSecret},
    pseudonym::{Nym, RegulatorSecret},
    psk::ScopePsk,
    scope::{Confidentiality, Quarter, Scope},
    search::{WriterSecret, padded},
    seed::{PatientKeys, Seed, VisitKeys},
    sign::SigningKey,
    stamp::EncodedStampKey,
};
use yilian_ledger::{BlockContext, Ledger, state::Fetched};
use yilian_protocol::{
    BlockId, CertificateId, ChainId, Height, MemberId, PersonId, RecordId, StateKey, TimeMs,
    codec::{Blob, Decode as _, List, Text},
    evidence::Binding,
    governance::{Delegate, EpochBlocks, Governance, NodeAddress},
    grant::{Clinician, Grant},
    ids::VisitDigest,
    refusal::{Outcome, Refusal},
    registry::{Admitted, Certificate, Genesis, Member, Role},
    sealed::SealedRecord,
    search::RecordIndex,
    state::tables::CAST,
    tx::{Body, SealVisit, Transaction},
    voucher::{NewGrant, Voucher},
};

pub const START: u64 = 1_000_000;
/// How long people's certificates are valid: some days, so that what lasts a day is seen to end by
/// itself.
pub const CERTIFIED_MS: u64 = 10 * 24 * 60 * 60 * 1_000;

#[derive(Clone)]
pub struct World {
    pub ledger: Ledger,
    pub state: BTreeMap<StateKey, Vec<u8>>,
    pub height: u64,
    pub now: TimeMs,
    /// What the ids of blocks are made of.
    pub beacon: u8,
}

pub fn key(number: u8) -> SigningKey {
    SigningKey::from_seed(&[number; 32])
}

pub const CONSORTIUM: u8 = 1;
/// Five of a larger consortium, by their CAs.
pub const FIVE: [u8; 5] = [10, 20, 30, 40, 50];
/// Hospitals by number: CA `n`, node `n + 1`.
pub const NORTH: u8 = 10;
pub const SOUTH: u8 = 20;

/// Epochs that no test gets to the end of by itself, begun by the nodes 1 and 2 of no member.
pub fn governance() -> Governance {
    let delegates = [1, 2].map(|number| delegate(number, 9_000));
    Governance::new(EpochBlocks::new(1 << 20).unwrap(), delegates.to_vec()).unwrap()
}

/// A node that stands at this port.
pub fn delegate(number: u8, port: u16) -> Delegate {
    Delegate {
        peer: key(number).verifying_key(),
        address: NodeAddress(([10, 0, 0, number], port).into()),
    }
}

impl World {
    pub fn new() -> Self {
        let genesis = Genesis {
            name: Text::new("test").unwrap(),
            created: TimeMs::new(START),
            ca: key(CONSORTIUM).verifying_key(),
            regulators: RegulatorSecret::from_seed(&[9; 32]).public().into(),
            group_key: Blob::default(),
            governance: governance(),
        };
        let now = TimeMs::new(START);
        Self {
            ledger: Ledger::new(genesis),
            state: BTreeMap::new(),
            height: 0,
            now,
            beacon: 0,
        }
    }

    /// Two hospitals, admitted.
    pub fn with_hospitals() -> Self {
        Self::with(&[NORTH, SOUTH])
    }

    /// Five hospitals, admitted.
    pub fn with_five() -> Self {
        Self::with(&FIVE)
    }

    pub fn with(hospitals: &[u8]) -> Self {
        let mut world = Self::new();
        for hospital in hospitals {
            world.applied(CONSORTIUM, Body::Admit(member(*hospital)));
        }
        world
    }

    pub fn sign(&self, signer: u8, body: Body) -> Vec<u8> {
        Transaction::sign(self.ledger.chain(), body, &key(signer))
            .as_bytes()
            .to_vec()
    }

    /// The number of a member's next vote.
    pub fn cast(&self, hospital: u8) -> u32 {
        let cast = self.state.get(&CAST.key(member_id(hospital).as_bytes()));
        cast.map_or(0, |bytes| u32::from_slice(bytes).unwrap())
    }

    /// What the ledger may read of these transactions, and nothing else.
    pub fn fetched(&self, keys: impl IntoIterator<Item = StateKey>) -> Fetched {
        Fetched::new(
            keys.into_iter()
                .map(|key| (key, self.state.get(&key).cloned()))
                .collect(),
        )
    }

    /// What is known of the block at this height.
    pub fn context(&self, height: u64) -> BlockContext {
        let mut parent = [self.beacon; 32];
        parent[..8].copy_from_slice(&height.to_be_bytes());
        BlockContext {
            admitted: Admitted {
                height: Height::new(height),
                time: self.now,
            },
            parent: BlockId::from_bytes(parent),
        }
    }

    /// Executes a block.
    pub fn block(&mut self, transactions: &[Vec<u8>]) -> Vec<Outcome> {
        self.height += 1;
        let keys = transactions
            .iter()
            .flat_map(|bytes| self.ledger.reads(bytes))
            .chain(self.ledger.standing_reads(Height::new(self.height)));
        let state = self.fetched(keys);
        let context = self.context(self.height);
        let execution = self.ledger.execute(context, transactions, &state).unwrap();
        self.state.extend(execution.writes);
        execution.outcomes
    }

    pub fn applied(&mut self, signer: u8, body: Body) {
        let bytes = self.sign(signer, body);
        assert_eq!(self.block(&[bytes]), [Outcome::Applied]);
    }

    /// Executes what must be refused, and checks that it left nothing behind.
    pub fn refused(&mut self, signer: u8, body: Body) -> Refusal {
        let bytes = self.sign(signer, body);
        self.refused_bytes(bytes)
    }

    pub fn refused_bytes(&mut self, bytes: Vec<u8>) -> Refusal {
        let before = self.state.clone();
        let outcomes = self.block(&[bytes]);
        assert_eq!(self.state, before, "a refusal changed the state");
        match outcomes.as_slice() {
            [Outcome::Refused(refusal)] => *refusal,
            other => panic!("not refused: {other:?}"),
        }
    }
}

/// The key for messages of a node or person; made once, since tests ask for it often.
fn kem(number: u8) -> KemPublic {
    static KEYS: LazyLock<Vec<KemPublic>> = LazyLock::new(|| {
        let key = |number| KemSecret::from_seed(&[number; 32]).public().clone();
        (0..=u8::MAX).map(key).collect()
    });
    KEYS[usize::from(number)].clone()
}

pub fn member(number: u8) -> Member {
    Member {
        name: Text::new(format!("hospital {number}")).unwrap(),
        ca: key(number).verifying_key(),
        node: key(number + 1).verifying_key(),
        kem: kem(number + 1),
        stamp: EncodedStampKey::from_bytes([number; 96]),
    }
}

pub fn member_id(number: u8) -> MemberId {
    member(number).id()
}

/// A person whose keys are of `number`.
pub fn certificate(number: u8, hospital: u8, role: Role) -> Certificate {
    Certificate {
        subject: Text::new(format!("person {number}")).unwrap(),
        person: PersonId::of(&format!("licence {number}")),
        member: member_id(hospital),
        role,
        signing: key(number).verifying_key(),
        delegatee: DelegateeSecret::from_seed(&[number; 32]).public(),
        writer: WriterSecret::from_seed(&[number; 32]).public(),
        kem: kem(number),
        valid_from: TimeMs::new(START),
        valid_until: TimeMs::new(START + CERTIFIED_MS),
    }
}

pub fn certificate_id(number: u8, hospital: u8) -> CertificateId {
    certificate(number, hospital, Role::Doctor).id()
}

/// A grant with the word of `hospital`, given in the first epoch.
pub fn vouched(world: &World, grant: Grant, hospital: u8) -> Body {
    let (chain, node) = (world.ledger.chain(), key(hospital + 1));
    let blocks = governance().epoch_blocks;
    let epoch = blocks.epoch_of(Height::new(world.height + 1));
    let voucher = Voucher::sign(chain, (member_id(hospital), &node), epoch, &grant);
    Body::CreateGrant(NewGrant { grant, voucher })
}

/// A doctor, as an opening names him.
pub fn clinician(number: u8, hospital: u8) -> Clinician {
    Clinician {
        certificate: certificate_id(number, hospital),
        member: member_id(hospital),
    }
}

pub fn delegator() -> DelegatorSecret {
    let keys = PatientKeys::from_seed(&Seed::from_bytes([77; 32]), &[4; 32]);
    keys.hospital(&[1; 32]).delegator
}

pub fn scope(quarter: u8) -> Scope {
    let period = Quarter::new(2026, quarter).unwrap();
    Scope {
        confidentiality: Confidentiality::Clinical,
        period,
        tag: None,
    }
}

fn visit_keys(visit: u32) -> VisitKeys {
    PatientKeys::from_seed(&Seed::from_bytes([77; 32]), &[4; 32]).visit(&[1; 32], visit)
}

pub fn nym(visit: u32) -> Nym {
    visit_keys(visit).nym
}

/// What the patient of all visits signs for one of them at a hospital.
pub fn binding(hospital: u8, visit: u32) -> Binding {
    let chain = World::new().ledger.chain();
    bound(chain, hospital, visit, visit as u8)
}

/// The same, in another token.
pub fn other_binding(chain: ChainId, hospital: u8, visit: u32) -> Binding {
    bound(chain, hospital, visit, visit as u8 ^ 0xff)
}

fn bound(chain: ChainId, hospital: u8, visit: u32, digest: u8) -> Binding {
    let mut rng = rand::rngs::StdRng::seed_from_u64(u64::from(visit));
    let digest = VisitDigest::from_bytes([digest; 32]);
    let secret = visit_keys(visit).nym_secret;
    Binding::sign(chain, member_id(hospital), digest, &secret, &mut rng)
}

pub fn record_id(number: u8) -> RecordId {
    RecordId::from_bytes([number; 32])
}

/// An index whose entries are all of nothing.
pub fn index(number: u8) -> RecordIndex {
    let mut rng = rand::rngs::StdRng::seed_from_u64(1_000 + u64::from(number));
    RecordIndex::new(padded(Vec::new(), &mut rng).unwrap()).unwrap()
}

pub fn seal(hospital: u8, visit: u32, numbers: &[u8]) -> Body {
    let key = delegator().public().scope(&scope(4));
    let nym = nym(visit);
    let records = numbers.iter().map(|number| {
        let context = yilian_crypto::pre::Context::new(&[4; 32], &key, &nym, &[0; 32]);
        let (capsule, ..) = key.encapsulate(
            &context,
            &ScopePsk::from_bytes([5; 32]),
            &[*number],
            &mut rand::rngs::StdRng::seed_from_u64(u64::from(*number)),
        );
        SealedRecord {
            record: record_id(*number),
            capsule: (&capsule).into(),
        }
    });
    let records = List::new(records.collect()).unwrap();
    let index = numbers.iter().map(|number| index(*number)).collect();
    Body::Seal(SealVisit {
        hospital: member_id(hospital),
        nym,
        binding: Some(binding(hospital, visit)),
        records,
        index: List::new(index).unwrap(),
    })
}
