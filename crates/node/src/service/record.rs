//! The contract of sealed records: a record on the chain always has its ciphertext.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{Either, select};
use yilian_crypto::sign::Signature;
use yilian_protocol::{
    CertificateId, Cid, MemberId, RecordId, TimeMs,
    call::{
        Answered, CallError, GetObject, GetStored, RecordContract, RecordEntry, Relay,
        RelayRecords, Seal, SealReceipt, SealRequest,
    },
    codec::{Blob, List},
    evidence::VisitEvidence,
    limits::{OBJECT_MAX, RECORDS_MAX},
    private_chain::PrivateEntry,
    receipt::Receipt,
    refusal::Refusal,
    sealed::{SealedObject, SealedRecord},
    standing::CertifiedPerson,
    state::tables::{MEMBER, RECORD, VISIT},
    tx::{Body, SealVisit, Transaction},
};

use super::{Neighbour, Node, store_error};
use crate::{
    connections::Held, consortium::ConsortiumChain, neighbours::sealed_object, serving,
    store::StoreError,
};

/// How long it may take to get an object from neighbours, whichever of them has it.
const FETCHING: Duration = Duration::from_secs(90);

impl<C: ConsortiumChain, N: Neighbour> RecordContract for Node<C, N> {
    async fn seal(&self, Seal(request): Seal) -> Answered<Seal> {
        self.seal_visit(request).await
    }

    async fn object(&self, GetObject { id }: GetObject) -> Answered<GetObject> {
        Ok(self.object_of(id).await?.into_bytes())
    }

    /// Asked by other nodes: they are not asked in their turn, so nobody asks in a circle.
    async fn stored(&self, GetStored { id }: GetStored) -> Answered<GetStored> {
        Ok(self.stored_object(id).await?.into_bytes())
    }

    async fn relay(&self, RelayRecords(relay): RelayRecords) -> Answered<RelayRecords> {
        self.relayed(relay).await
    }
}

impl<C: ConsortiumChain, N: Neighbour> Node<C, N> {
    /// Checks that a certified doctor of the hospital asks and that the objects are the ones named,
    /// stores them, and only then orders the transaction.
    async fn seal_visit(&self, request: SealRequest) -> Result<SealReceipt, CallError> {
        self.health.takes_more(0)?;
        let key = self
            .identities
            .key(request.visit.hospital)
            .ok_or(Refusal::ForeignMember)?;
        let author = self.person(request.author).await?;
        may_seal(&request, &author, self.chain.now())?;
        request
            .verify(self.ledger.chain(), &author.certificate().signing)
            .map_err(|_| Refusal::BadSignature)?;
        self.check_evidence(&request).await?;
        let SealRequest {
            visit,
            evidence,
            author,
            signature,
            objects,
        } = request;
        let hospital = visit.hospital;
        let transaction = Transaction::sign(self.ledger.chain(), Body::Seal(visit), &key);
        let bytes = Blob::new(transaction.as_bytes().to_vec())?;
        // Nobody has bytes counted as taken before it is known who he is.
        self.health.takes_more(bytes_of(&objects))?;
        let kept = self.keep_objects(transaction, objects).await?;
        let entries = log_entries(
            &kept.transaction,
            &kept.cids,
            (author, signature),
            &evidence,
        );
        self.private.append(hospital, entries).await?;
        if self.neighbours.has_hubs() {
            let relay = Relay {
                transaction: bytes.clone(),
                objects: kept.objects,
            };
            self.neighbours.relay(RelayRecords(relay)).await?;
        }
        let receipt = self.order(bytes.as_slice().to_vec().into()).await?;
        Ok(SealReceipt {
            transaction: bytes,
            receipt,
        })
    }

    /// Checks that the patient signed for this hospital, that the identity in escrow is his, and
    /// that the visit is the one that the chain knows, if it does: what goes into the private chain
    /// is evidence. Two signatures' worth of work: apart from the network.
    async fn check_evidence(&self, request: &SealRequest) -> Result<(), CallError> {
        let SealVisit {
            hospital,
            nym,
            binding,
            ..
        } = &request.visit;
        let (hospital, nym) = (*hospital, *nym);
        let signed = request.evidence.binding();
        let known = self.read(VISIT, &nym.to_bytes()).await?;
        let visit = known.map(|known| known.visit);
        let visit = visit.or_else(|| binding.as_ref().map(|said| said.visit));
        let said = binding.as_ref().is_none_or(|said| *said == signed);
        if visit != Some(signed.visit) || !said {
            return Err(Refusal::VisitUnbound.into());
        }
        let (chain, regulators) = (self.ledger.chain(), self.ledger.genesis().regulators.key);
        let evidence = request.evidence.clone();
        let checked = self.chain.apart(move || {
            let verified = evidence.verify(chain, hospital, &nym, &regulators);
            verified.map(drop)
        });
        checked.await?.map_err(|error| CallError::Invalid {
            message: error.to_string(),
        })
    }

    /// Keeps a member's objects and orders the transaction that its node signed for them.
    async fn relayed(&self, relay: Relay) -> Result<Receipt, CallError> {
        let invalid = |error: &dyn std::fmt::Display| CallError::Invalid {
            message: error.to_string(),
        };
        let transaction = Transaction::parse(relay.transaction.as_slice());
        let transaction = transaction.map_err(|error| invalid(&error))?;
        let Body::Seal(visit) = transaction.body() else {
            return Err(invalid(&"only sealed records are relayed"));
        };
        let member = self.read(MEMBER, visit.hospital.as_bytes()).await?;
        let member = member.ok_or(Refusal::MemberUnknown)?;
        if *transaction.signer() != member.member.node {
            return Err(Refusal::ForeignMember.into());
        }
        member.may_act()?;
        // What may not enter a block keeps no object here.
        let admissible = self.admissible(relay.transaction.into_vec().into()).await?;
        self.health.takes_more(bytes_of(&relay.objects))?;
        self.keep_objects(transaction, relay.objects).await?;
        self.order_admissible(admissible).await
    }

    /// Keeps the objects of a transaction that seals a visit, if they are the ones that it names.
    /// Points are decoded, megabytes hashed and synced to disk: apart from the network.
    async fn keep_objects(
        &self,
        transaction: Transaction,
        objects: Objects,
    ) -> Result<Kept, CallError> {
        let store = Arc::clone(&self.store);
        let kept = self.chain.apart(move || {
            let Body::Seal(visit) = transaction.body() else {
                return Err(CallError::not_found("visit"));
            };
            let (cids, bytes) = matching_objects(visit, &objects)?.into_iter().unzip();
            store.put_many(bytes).map_err(store_error)?;
            Ok(Kept {
                transaction,
                objects,
                cids,
            })
        });
        kept.await?
    }

    async fn keep(&self, objects: Vec<Vec<u8>>) -> Result<(), CallError> {
        let store = Arc::clone(&self.store);
        let kept = self.chain.apart(move || store.put_many(objects));
        kept.await?.map_err(store_error)?;
        Ok(())
    }

    /// What the chain knows of a record.
    pub(super) async fn record_entry(&self, id: RecordId) -> Result<RecordEntry, CallError> {
        self.entry(RECORD, id.as_bytes(), "record").await
    }

    /// A record's sealed object: this node's copy, or one of a neighbour's. That one is kept where
    /// this node is to keep it, or its own copy is damaged; else it is handed on, and nothing
    /// stays.
    pub(super) async fn object_of(&self, id: RecordId) -> Result<SealedObject, CallError> {
        let hospital = self.record_entry(id).await?.hospital;
        let (keeps, missing) = match self.own_object(id).await? {
            Own::Whole(object) => return Ok(*object),
            Own::Missing => (self.is_to_keep(hospital), CallError::not_found("object")),
            Own::Damaged(error) => (true, store_error(error)),
        };
        if !self.neighbours.exist() {
            return Err(missing);
        }
        let fetched = self.fetching.once(id, async {
            let object = self.fetched(id, hospital).await?;
            if keeps {
                self.mend(id, &object).await;
            }
            Ok(object)
        });
        let object = fetched.await?;
        let _held = serving::answer_of(object.as_bytes().len() as u64)?;
        Ok(SealedObject::clone(&object))
    }

    async fn fetched(&self, id: RecordId, hospital: MemberId) -> Result<SealedObject, CallError> {
        let sleep = |time| self.chain.sleep(time);
        let fetch = pin!(self.neighbours.fetch(id, hospital, sleep));
        match select(fetch, pin!(sleep(FETCHING))).await {
            Either::Left((fetched, _)) => fetched,
            Either::Right(_) => Err(CallError::Unavailable {
                message: "no neighbour gave the object in time".to_owned(),
            }),
        }
    }

    /// Keeps an object that was lost or damaged here. Whoever asked has it in any case.
    async fn mend(&self, id: RecordId, object: &SealedObject) {
        if self
            .health
            .takes_more(object.as_bytes().len() as u64)
            .is_err()
        {
            return;
        }
        match self.keep(vec![object.as_bytes().to_vec()]).await {
            Ok(()) => self.health.mended(id),
            Err(error) => tracing::warn!(record = %id, %error, "an object is not mended"),
        }
    }

    /// Whether the ciphertext of a hospital lies here: it is this node's, or a follower's of which
    /// this is the hub.
    fn is_to_keep(&self, hospital: MemberId) -> bool {
        self.identities.key(hospital).is_some() || self.neighbours.is_hub_of(hospital)
    }

    /// This node's own copy of a record's sealed object. The record must be on the chain: what was
    /// stored for a transaction that never became final is nobody's.
    async fn stored_object(&self, id: RecordId) -> Result<SealedObject, CallError> {
        self.record_entry(id).await?;
        match self.own_object(id).await? {
            Own::Whole(object) => Ok(*object),
            Own::Missing => Err(CallError::not_found("object")),
            Own::Damaged(error) => Err(store_error(error)),
        }
    }

    /// What this node has of an object. Its bytes count as the caller's before they are read.
    async fn own_object(&self, id: RecordId) -> Result<Own, CallError> {
        let (store, mut held) = (Arc::clone(&self.store), serving::answer());
        let read = self.chain.apart(move || {
            if let (Some(held), Ok(Some(length))) = (&mut held, store.length(id)) {
                held.grow(usize::try_from(length).unwrap_or(usize::MAX))?;
            }
            Ok(ReadObject {
                bytes: store.get(id),
                _held: held,
            })
        });
        let read: Result<ReadObject, CallError> = read.await?;
        match read?.bytes {
            Ok(None) => Ok(Own::Missing),
            Ok(Some(bytes)) => Ok(Own::Whole(Box::new(sealed_object(id, bytes)?))),
            // Of a sector that cannot be read, too, there may be a copy elsewhere.
            Err(error @ (StoreError::Damaged { .. } | StoreError::Io { .. })) => {
                self.health.damaged(id);
                Ok(Own::Damaged(error))
            }
            Err(error) => Err(store_error(error)),
        }
    }
}

/// What a node has of an object itself.
enum Own {
    Whole(Box<SealedObject>),
    Missing,
    Damaged(StoreError),
}

/// An object as it was read, and whose bytes they are.
pub(crate) struct ReadObject {
    bytes: Result<Option<Vec<u8>>, StoreError>,
    _held: Option<Held>,
}

fn may_seal(request: &SealRequest, author: &CertifiedPerson, now: TimeMs) -> Result<(), Refusal> {
    if author.certificate().member != request.visit.hospital {
        return Err(Refusal::ForeignMember);
    }
    if !author.certificate().role.signs_records() {
        return Err(Refusal::RoleNotAllowed);
    }
    author.standing(now)
}

/// Sealed objects on their way.
type Objects = List<Blob<OBJECT_MAX>, RECORDS_MAX>;

fn bytes_of(objects: &Objects) -> u64 {
    objects
        .iter()
        .map(|object| object.as_slice().len() as u64)
        .sum()
}

/// A visit whose sealed objects are kept.
struct Kept {
    transaction: Transaction,
    objects: Objects,
    cids: Vec<Cid>,
}

/// The objects of a visit, each of which must be the one its record names, of the visit's
/// pseudonym.
fn matching_objects(
    visit: &SealVisit,
    objects: &Objects,
) -> Result<Vec<(Cid, Vec<u8>)>, CallError> {
    let mismatch = || CallError::Invalid {
        message: "the objects are not the records' objects".to_owned(),
    };
    if objects.len() != visit.records.len() {
        return Err(mismatch());
    }
    let pairs = objects.iter().zip(visit.records.iter());
    pairs
        .map(|(bytes, record)| {
            let object = SealedObject::parse(bytes.as_slice().to_vec()).map_err(|error| {
                CallError::Invalid {
                    message: error.to_string(),
                }
            })?;
            let matches =
                SealedRecord::from(&object) == *record && *object.header().nym() == visit.nym;
            let kept = matches.then(|| (object.cid(), object.into_bytes()));
            kept.ok_or_else(mismatch)
        })
        .collect()
}

/// What a hospital's private chain says of a visit's records.
fn log_entries(
    transaction: &Transaction,
    cids: &[Cid],
    (author, signature): (CertificateId, Signature),
    evidence: &VisitEvidence,
) -> Vec<PrivateEntry> {
    let Body::Seal(visit) = transaction.body() else {
        return Vec::new();
    };
    let sealed = visit.records.iter().zip(visit.index.iter()).zip(cids);
    sealed
        .map(|((record, index), object)| PrivateEntry {
            author,
            nym: visit.nym,
            record: record.record,
            object: *object,
            index: index.digest(),
            transaction: transaction.id(),
            signature,
            evidence: evidence.clone(),
        })
        .collect()
}
