//! What a node does with a request: the one place where chain, ledger, ciphertext store and key holder meet.
//!
//! ```text
//! Seal ----> author certified? -> objects match records? -> store (fsync) -> sign as hospital -> order -> receipt
//! Ask -----> fetch state at the latest final height -> ledger::consent::check -> ConsentChecked -> key holder
//! others --> order, or a read of the state
//! ```
//! A node can read no record: nothing here, or in any crate it links, knows what a record's plaintext looks like.

use std::{path::PathBuf, sync::Arc, thread::JoinHandle};

use bytes::Bytes;
use tokio::sync::Notify;
use yilian_crypto::{
    pseudonym::Nym,
    search::Lookup,
    sign::{Signature, SigningKey},
};
use yilian_ledger::{
    Ledger, StateError, consent,
    state::{
        Fetched, Sequence, Table, View,
        tables::{
            CERTIFICATE, CERTIFICATES, CROSS, GRANT, INDEX, MEMBER, MEMBERS, RECORD, TRACE,
            TRACE_ITEM, TRACE_SHARED, VISIT_RECORDS, index_name, trace_item_name,
        },
    },
};
use yilian_protocol::{
    CertificateId, Cid, Height, MemberId, RecordId, StateKey, TimeMs, TraceId, TransactionId,
    codec::{Blob, Decode, Encode as _, List},
    grant::{GrantState, HolderAsk, SealedDeposit, SignedPartial, Use, UsesRequest},
    limits::{HOPS_MAX, OBJECT_MAX, PAGE_MAX, RECORDS_MAX, RESULTS_MAX, TRACE_PAGE_MAX},
    log::{LogBlock, LogCheck, LogEntry},
    receipt::Receipt,
    refusal::{Outcome, Refusal},
    registry::{CertificateEntry, Genesis},
    sealed::{SealedObject, SealedRecord},
    search::{Crossing, Find, Found, LookupRequest, Pointer, Pointers, RecordIndex},
    trace::TraceEntry,
    transport::{
        Block, BlockTransaction, CallError, OneShot, Page, RecordEntry, Reencapsulated, Relay,
        Request, Response, SealReceipt, SealRequest, Status, Transport,
    },
    tx::{Body, SealVisit, Transaction},
};

use crate::{
    erasure::Eraser,
    keyholder::{self, KeyHolder, KeyHolderError},
    log::{Anchoring, LogError, LogKeeper, PrivateLog},
    machine::LedgerMachine,
    neighbours::{NeighbourUrls, Neighbours, NeighboursError},
    order::{Chain, ChainOptions, History, Identified, OrderError, Peering, ValidatorKey},
    store::{Recovery, Store, StoreError},
    tls::Tls,
};

/// One running node.
#[derive(Debug)]
pub struct Node {
    chain: Chain,
    ledger: Arc<Ledger>,
    machine: Arc<LedgerMachine>,
    store: Arc<Store>,
    holder: Arc<KeyHolder>,
    identities: Arc<dyn Identities>,
    neighbours: Neighbours,
    eraser: (Arc<Notify>, Option<JoinHandle<()>>),
    private: LogKeeper,
}

/// The members a node acts for, and the keys by which it signs in their names. Asked anew each time, so a member may join while the node runs.
pub trait Identities: std::fmt::Debug + Send + Sync {
    /// The members.
    fn members(&self) -> Vec<MemberId>;

    /// The node key of `member`; `None` when the node does not act for it.
    fn key(&self, member: MemberId) -> Option<SigningKey>;
}

/// What a node needs to start.
#[derive(Debug)]
pub struct NodeOptions {
    /// Where it keeps everything: `chain/`, `secrets/`, `objects/`, `deposits.redb`, `private-chain.redb`.
    pub directory: PathBuf,
    /// What its chain began with.
    pub genesis: Genesis,
    /// Its place in the committee.
    pub validator: ValidatorKey,
    /// Whom it speaks to about blocks; nobody, when it is alone.
    pub peering: Option<Peering>,
    /// Whose ciphertext it may get, and who keeps its own for others.
    pub neighbours: NeighbourUrls,
    /// By what other nodes know it, and it them; nothing for plain HTTP.
    pub tls: Option<Tls>,
    /// Whether a block of a private chain is closed only when another workstation checked its entries.
    pub checked_log: bool,
    /// How much of the chain's past it keeps.
    pub history: History,
    /// The members it acts for.
    pub identities: Arc<dyn Identities>,
}

impl NodeOptions {
    /// A node without peers and neighbours: the embedded one.
    #[must_use]
    pub fn alone(
        directory: PathBuf,
        genesis: Genesis,
        validator: ValidatorKey,
        identities: Arc<dyn Identities>,
    ) -> Self {
        Self {
            directory,
            genesis,
            validator,
            peering: None,
            neighbours: NeighbourUrls::default(),
            tls: None,
            checked_log: false,
            history: History::default(),
            identities,
        }
    }
}

impl Node {
    /// Starts a node, which first recovers what a crash may have left behind.
    ///
    /// # Errors
    /// [`NodeError`] names the part that does not start.
    pub fn start(options: NodeOptions) -> Result<Self, NodeError> {
        let NodeOptions {
            directory,
            genesis,
            validator,
            peering,
            neighbours,
            tls,
            checked_log,
            history,
            identities,
        } = options;
        let neighbours = Neighbours::new(neighbours, tls.as_ref())?;
        let ledger = Arc::new(Ledger::new(genesis));
        let store = Store::open(&directory.join("objects"))?;
        let mended = store.recovery();
        if mended.damaged_bytes > 0 {
            tracing::warn!(
                ?mended,
                "stored ciphertext is damaged; neighbours may have it, or a copy"
            );
        } else if mended != Recovery::default() {
            tracing::info!(?mended, "the ciphertext store was mended after a crash");
        }
        let holder = KeyHolder::open(&directory.join("deposits.redb"))?;
        let private = PrivateLog::open(&directory.join("private-chain.redb"))?;
        let (machine, revoked) = LedgerMachine::new(Arc::clone(&ledger));
        let (machine, holder) = (Arc::new(machine), Arc::new(holder));
        let options =
            ChainOptions::new(directory.join("chain"), ledger.genesis().clone(), validator)
                .secrets(directory.join("secrets"))
                .peering(peering)
                .history(history);
        let chain = Chain::start(options, Arc::<LedgerMachine>::clone(&machine))?;
        let eraser = Eraser {
            chain: chain.clone(),
            id: ledger.chain(),
            keeper: Arc::clone(&holder),
            identities: Arc::clone(&identities),
            stop: Arc::default(),
        };
        let anchoring = Anchoring {
            chain: chain.clone(),
            id: ledger.chain(),
            identities: Arc::clone(&identities),
            checked: checked_log,
        };
        let private = LogKeeper::start(private, anchoring).map_err(NodeError::Thread)?;
        let stop = Arc::clone(&eraser.stop);
        let eraser = eraser.start(revoked).map_err(NodeError::Thread)?;
        Ok(Self {
            chain,
            ledger,
            machine,
            store: Arc::new(store),
            holder,
            identities,
            neighbours,
            eraser: (stop, Some(eraser)),
            private,
        })
    }

    /// Stops in good order; what was acknowledged is on disk in any case. The same happens when it is dropped.
    pub fn shutdown(self) {
        drop(self);
    }

    /// Answers one request.
    ///
    /// # Errors
    /// The rule that refuses, or why there is no answer.
    pub async fn handle(&self, request: Request) -> Result<Response, CallError> {
        Ok(match request {
            Request::Status => Response::Status(self.status()?),
            Request::Submit(transaction) => Response::Receipt(self.submit(transaction).await?),
            Request::Seal(request) => Response::Sealed(self.seal(request).await?),
            Request::Receipt(id) => Response::Receipt(self.receipt(id).await?),
            Request::Prove(keys) => Response::Proven(self.chain.prove(&keys).await?),
            Request::Block(height) => Response::Block(self.block(height).await?),
            Request::Members(from) => {
                Response::Members(self.page(&MEMBERS, &[], from, MEMBER).await?)
            }
            Request::Certificates(member, from) => {
                let page = self
                    .page(&CERTIFICATES, member.as_bytes(), from, CERTIFICATE)
                    .await?;
                Response::Certificates(page)
            }
            Request::Certificate(id) => Response::Certificate(self.certificate(id).await?),
            Request::Visit(nym, from) => Response::Visit(self.visit(&nym, from).await?),
            Request::Record(id) => Response::Record(self.record(id).await?),
            Request::Object(id) => Response::Object(self.object(id).await?.into_bytes()),
            Request::Index(id) => Response::Index(self.index(id).await?),
            Request::Lookup(request) => Response::Pointers(self.lookup(&request).await?),
            Request::Search(finds) => Response::Found(self.search(&finds).await?),
            Request::Cross(crossings) => Response::Crossed(self.cross(&crossings).await?),
            Request::Trace(id, from) => Response::Trace(self.trace(id, from).await?),
            Request::Reencapsulate(request) => {
                Response::Reencapsulated(self.reencapsulate(&request).await?)
            }
            Request::Deposit(deposit) => {
                self.deposit(deposit).await?;
                Response::Deposited
            }
            Request::Grant(id) => Response::Grant(self.entry(GRANT, id.as_bytes(), "grant").await?),
            Request::Ask(ask) => Response::Partial(self.serve(ask).await?),
            Request::Uses(request) => Response::Uses(self.uses(request).await?),
            Request::LogHead(hospital) => {
                Response::LogHead(self.log(move |log| log.head(hospital)).await?)
            }
            Request::LogBlock(hospital, height) => {
                let block = self.log(move |log| log.block(hospital, height)).await?;
                Response::LogBlock(block.ok_or_else(|| CallError::not_found("block"))?)
            }
            Request::LogOpen(hospital) => {
                Response::LogOpen(self.log(move |log| log.open_entries(hospital)).await?)
            }
            Request::LogCheck(check) => Response::LogBlock(self.checked(check).await?),
            Request::LogInclusion(hospital, index, size) => {
                let proof = self.log(move |log| log.inclusion(hospital, index, size));
                let proof = proof.await?;
                Response::LogInclusion(proof.ok_or_else(|| CallError::not_found("entry"))?)
            }
            _ => {
                return Err(CallError::Invalid {
                    message: "unknown request".to_owned(),
                });
            }
        })
    }

    fn status(&self) -> Result<Status, CallError> {
        let latest = self.chain.latest();
        let stats = self.store.stats().map_err(store_error)?;
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            chain: self.ledger.chain(),
            genesis: self.ledger.genesis().clone(),
            latest,
            waiting: self.chain.waiting(),
            objects: stats.objects,
            object_bytes: stats.bytes,
        })
    }

    /// What this node counts, in the text form of OpenMetrics 1.0. Nothing of it tells of a patient, a reader or a record; a one-shot sharing is
    /// not counted at all.
    pub(crate) async fn metrics(&self) -> Result<String, CallError> {
        let status = self.status()?;
        let chain = self.chain.metrics().await?;
        let gauges = [
            (
                "yilian_height",
                "Height of the latest final block",
                status.latest.height.get(),
            ),
            (
                "yilian_block_time_ms",
                "Time of the latest final block",
                status.latest.time.get(),
            ),
            (
                "yilian_waiting_transactions",
                "Transactions waiting for a block",
                status.waiting,
            ),
            ("yilian_objects", "Sealed objects kept", status.objects),
            ("yilian_object_bytes", "Bytes of them", status.object_bytes),
        ];
        let mut text = String::new();
        for (name, help, value) in gauges {
            text += &format!("# HELP {name} {help}.\n# TYPE {name} gauge\n{name} {value}\n");
        }
        Ok(text + &chain)
    }

    /// Orders the transaction of these bytes, as [`Request::Submit`] does.
    pub(crate) async fn submit_bytes(&self, bytes: Bytes) -> Result<Receipt, CallError> {
        // Away from the network's threads: the proof of an append to traces takes a millisecond, and more than a lookup is asked for.
        let machine = Arc::clone(&self.machine);
        let (transaction, admitted) = blocking(move || {
            let transaction = Identified::from(bytes);
            let admitted = machine.admit(&transaction);
            (transaction, admitted)
        })
        .await?;
        admitted.map_err(|rule| match rule {
            Refusal::Malformed | Refusal::BadSignature => CallError::Invalid {
                message: format!("no transaction: {rule}"),
            },
            rule => rule.into(),
        })?;
        let id = transaction.id();
        self.chain.submit(transaction).await?;
        self.receipt(id).await
    }

    async fn submit(&self, transaction: Transaction) -> Result<Receipt, CallError> {
        self.submit_bytes(transaction.as_bytes().to_vec().into())
            .await
    }

    async fn receipt(&self, id: TransactionId) -> Result<Receipt, CallError> {
        let receipt = self.chain.receipt(id).await?;
        receipt.ok_or_else(|| CallError::not_found("transaction"))
    }

    /// Checks that a certified doctor of the hospital asks and that the objects are the ones named, stores them, and only then orders the
    /// transaction: a record on the chain always has its ciphertext.
    async fn seal(&self, request: SealRequest) -> Result<SealReceipt, CallError> {
        let key = self
            .identities
            .key(request.visit.hospital)
            .ok_or(Refusal::ForeignMember)?;
        let author = self.certificate(request.author).await?;
        may_seal(&request, &author, self.now())?;
        request
            .verify(self.ledger.chain(), &author.certificate.signing)
            .map_err(|_| Refusal::BadSignature)?;
        let objects = matching_objects(&request.visit, &request.objects)?;
        self.keep(objects).await?;
        let hospital = request.visit.hospital;
        let body = Body::Seal(request.visit);
        let transaction = Transaction::sign(self.ledger.chain(), body, &key);
        let bytes = Blob::new(transaction.as_bytes().to_vec())?;
        let evidence = (request.author, request.signature);
        let entries = log_entries(&transaction, &request.objects, evidence);
        self.private.append(hospital, entries).await?;
        if self.neighbours.has_hubs() {
            let relay = Relay {
                transaction: bytes.clone(),
                objects: request.objects,
            };
            self.neighbours.relay(&relay).await?;
        }
        let receipt = self.submit(transaction).await?;
        Ok(SealReceipt {
            transaction: bytes,
            receipt,
        })
    }

    /// Keeps a member's objects and orders the transaction that its node signed for them.
    pub(crate) async fn relayed(&self, relay: Relay) -> Result<Receipt, CallError> {
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
        let objects = matching_objects(visit, &relay.objects)?;
        self.keep(objects).await?;
        self.submit(transaction).await
    }

    /// Closes a block of a private chain over entries that a person of the hospital checked who wrote none of them.
    async fn checked(&self, check: LogCheck) -> Result<LogBlock, CallError> {
        let hospital = check.hospital;
        let key = self.identities.key(hospital);
        let key = key.ok_or(Refusal::ForeignMember)?;
        let checker = self.certificate(check.checker).await?;
        checker.standing(self.now())?;
        if checker.certificate.member != hospital {
            return Err(Refusal::ForeignMember.into());
        }
        let chain = self.ledger.chain();
        check
            .verify(chain, &checker.certificate.signing)
            .map_err(|_| Refusal::BadSignature)?;
        let time = self.now();
        let closed = self.log(move |log| log.close_checked(chain, &key, time, &check));
        let header = closed.await?.ok_or_else(|| CallError::Invalid {
            message: "the entries that wait are not those that were checked, or the checker wrote one of them"
                .to_owned(),
        })?;
        let block = self.log(move |log| log.block(hospital, header.height));
        block.await?.ok_or_else(|| CallError::not_found("block"))
    }

    /// Looks into the private chains.
    async fn log<R: Send + 'static>(
        &self,
        look: impl FnOnce(&PrivateLog) -> Result<R, LogError> + Send + 'static,
    ) -> Result<R, CallError> {
        let log = Arc::clone(self.private.log());
        Ok(blocking(move || look(&log)).await??)
    }

    async fn keep(&self, objects: Vec<Vec<u8>>) -> Result<(), CallError> {
        let store = Arc::clone(&self.store);
        blocking(move || store.put_many(objects))
            .await?
            .map_err(store_error)?;
        Ok(())
    }

    async fn block(&self, height: Height) -> Result<Block, CallError> {
        let block = self.chain.block(height).await?;
        let block = block.ok_or_else(|| CallError::not_found("block"))?;
        let transactions = block.transactions.iter().map(|(known, outcome)| {
            let transaction = Transaction::decode_unverified(known.bytes()).ok()?;
            Some(BlockTransaction {
                id: known.id(),
                body: transaction.body().clone(),
                signer: *transaction.signer(),
                outcome: *outcome,
            })
        });
        Ok(Block {
            id: block.header.id(),
            header: block.header.clone(),
            finality: block.finality.clone(),
            transactions: transactions.flatten().collect(),
        })
    }

    async fn certificate(&self, id: CertificateId) -> Result<CertificateEntry, CallError> {
        let entry = self.read(CERTIFICATE, id.as_bytes()).await?;
        entry.ok_or_else(|| Refusal::CertificateUnknown.into())
    }

    async fn record(&self, id: RecordId) -> Result<RecordEntry, CallError> {
        self.entry(RECORD, id.as_bytes(), "record").await
    }

    async fn visit(&self, nym: &Nym, from: u32) -> Result<Page<RecordEntry>, CallError> {
        let name = nym.to_bytes();
        let count = self.read(VISIT_RECORDS.counts(), &name).await?;
        let places = (0..count.unwrap_or(0)).map(|place| VISIT_RECORDS.item_name(&name, place));
        let sealed = self.read_all(VISIT_RECORDS.items(), places.collect());
        let sealed = sealed.await?;
        let records: Vec<&RecordId> = sealed.iter().flat_map(|records| records.iter()).collect();
        let page = records.iter().skip(from as usize).take(PAGE_MAX);
        let names = page.map(|id| id.as_bytes().to_vec()).collect();
        Ok(Page {
            entries: self.read_all(RECORD, names).await?,
            total: u32::try_from(records.len()).unwrap_or(u32::MAX),
        })
    }

    /// A record's sealed object: this node's copy, or one of a neighbour's, which is kept.
    async fn object(&self, id: RecordId) -> Result<SealedObject, CallError> {
        match self.stored(id).await {
            Err(CallError::NotFound { .. }) if self.neighbours.exist() => {}
            found => return found,
        }
        let object = self.neighbours.fetch(id).await?;
        self.keep(vec![object.as_bytes().to_vec()]).await?;
        Ok(object)
    }

    /// This node's own copy of a record's sealed object. The record must be on the chain: what was stored for a transaction that
    /// never became final is nobody's.
    pub(crate) async fn stored(&self, id: RecordId) -> Result<SealedObject, CallError> {
        self.record(id).await?;
        let store = Arc::clone(&self.store);
        let bytes = blocking(move || store.get(id))
            .await?
            .map_err(store_error)?;
        let bytes = bytes.ok_or_else(|| CallError::not_found("object"))?;
        sealed_object(id, bytes)
    }

    /// A record's index entries, out of the transaction that sealed it.
    async fn index(&self, id: RecordId) -> Result<RecordIndex, CallError> {
        let entry = self.record(id).await?;
        let block = self.block(entry.admitted.height).await?;
        let index = block.transactions.iter().find_map(|transaction| {
            let Body::Seal(visit) = &transaction.body else {
                return None;
            };
            let mut pairs = visit.records.iter().zip(visit.index.iter());
            let (_, index) = pairs.find(|(sealed, _)| sealed.record == id)?;
            (transaction.outcome == Outcome::Applied).then(|| index.clone())
        });
        index.ok_or_else(|| CallError::not_found("index"))
    }

    async fn lookup(&self, request: &LookupRequest) -> Result<Pointers, CallError> {
        let addresses = request.addresses.iter();
        let names = addresses.map(|address| index_name(&request.hospital, address));
        let pointers = self.read_each(INDEX, names.collect()).await?;
        let pointers = pointers.into_iter().map(|found| found.map(Pointer));
        Ok(Pointers(pointers.collect()))
    }

    /// Costs a look-up for each entry that the trapdoors cover, however large the index is.
    async fn search(&self, finds: &[Find]) -> Result<Vec<Found>, CallError> {
        let covered = finds
            .iter()
            .fold(0_u32, |sum, find| sum.saturating_add(find.trapdoor.count()));
        if covered > RESULTS_MAX {
            return Err(CallError::Invalid {
                message: format!("the trapdoors cover {covered} entries, over {RESULTS_MAX}"),
            });
        }
        let mut found = Vec::with_capacity(finds.len());
        for find in finds {
            let lookups: Vec<Lookup> = find.trapdoor.lookups().collect();
            let names = lookups
                .iter()
                .map(|lookup| index_name(&find.hospital, &lookup.address()));
            let pointers = self.read_each(INDEX, names.collect()).await?;
            let records = lookups.iter().zip(pointers).map(|(lookup, pointer)| {
                pointer
                    .and_then(|pointer| lookup.open(&pointer))
                    .map(RecordId::from_bytes)
            });
            found.push(Found {
                records: records.collect(),
            });
        }
        Ok(found)
    }

    async fn cross(&self, crossings: &[Crossing]) -> Result<Vec<bool>, CallError> {
        let names = crossings
            .iter()
            .map(|crossing| crossing.record.as_bytes().to_vec());
        let tags = self.read_each(CROSS, names.collect()).await?;
        let pairs = crossings.iter().zip(tags);
        Ok(pairs
            .map(|(crossing, tags)| tags.is_some_and(|tags| tags.contains(&crossing.tag)))
            .collect())
    }

    async fn trace(&self, id: TraceId, from: u32) -> Result<Page<TraceEntry>, CallError> {
        let head = self.read(TRACE, id.as_bytes()).await?;
        let total = head.map_or(0, |head| head.length);
        let until = total.min(from.saturating_add(TRACE_PAGE_MAX));
        let places = (from..until).map(|place| trace_item_name(&id, place));
        let items = self.read_all(TRACE_ITEM, places.collect()).await?;
        let shared = items.iter().map(|item| item.shared.as_bytes().to_vec());
        let shared = self.read_all(TRACE_SHARED, shared.collect()).await?;
        let entries = items.into_iter().zip(shared);
        Ok(Page {
            entries: entries
                .map(|(item, shared)| TraceEntry { item, shared })
                .collect(),
            total,
        })
    }

    async fn reencapsulate(&self, request: &OneShot) -> Result<Reencapsulated, CallError> {
        let object = self.object(request.record).await?;
        Ok(keyholder::reencapsulate_once(
            request,
            &object,
            &mut rand::rng(),
        )?)
    }

    async fn deposit(&self, sealed: SealedDeposit) -> Result<(), CallError> {
        let Some(key) = self.identities.key(sealed.holder) else {
            let passed_on = SealedDeposit {
                hops: hops(sealed.hops)?,
                ..sealed
            };
            let body = passed_on.to_vec();
            return self.neighbours.pass_on("deposits", body).await.map(drop);
        };
        let chain = self.ledger.chain();
        let deposit = sealed.open(chain, &key)?;
        let grant = deposit.grant;
        let state = self.fetch(consent::deposit_reads(&deposit)).await?;
        let (now, keeper) = (self.now(), Arc::clone(&self.holder));
        // Two pairings for each share: up to 0.2 s, so not on the threads that serve the network.
        blocking(move || {
            consent::check_deposit(&state, chain, now, &deposit).map_err(state_error)??;
            Ok::<_, CallError>(keeper.keep(&deposit)?)
        })
        .await??;
        // Revoked in the meantime: the block that says so may have been followed already.
        let entry = self.entry(GRANT, grant.as_bytes(), "grant").await?;
        if entry.state == GrantState::Revoked {
            let (holder, keeper) = (sealed.holder, Arc::clone(&self.holder));
            blocking(move || keeper.erase(grant, holder)).await??;
            return Err(Refusal::GrantRevoked.into());
        }
        Ok(())
    }

    /// A key holder's answer; of this node, or of one that it is passed on to.
    async fn serve(&self, asked: HolderAsk) -> Result<SignedPartial, CallError> {
        let holder = asked.holder;
        let Some(key) = self.identities.key(holder) else {
            let passed_on = HolderAsk {
                hops: hops(asked.hops)?,
                ..asked
            };
            let answer = self.neighbours.pass_on("asks", passed_on.to_vec()).await?;
            return said(&answer);
        };
        let ask = asked.ask;
        let grant = ask.ask.grant;
        let keeper = Arc::clone(&self.holder);
        let deposit = blocking(move || keeper.deposit(grant, holder)).await??;
        let reader = self.read(CERTIFICATE, ask.ask.reader.as_bytes()).await?;
        let member = reader.map_or(holder, |reader| reader.certificate.member);
        let state = self.fetch(consent::check_reads(&ask, member)).await?;
        let (chain, now) = (self.ledger.chain(), self.now());
        // Without a deposit the grant's own state is still the better answer.
        let terms = deposit.as_deref().map(|deposit| &deposit.terms);
        let consent = consent::check(&state, chain, holder, now, terms, &ask);
        let (consent, deposit) = (
            consent.map_err(state_error)??,
            deposit.ok_or(Refusal::NotKeyHolder)?,
        );
        let object = self.object(ask.ask.record).await?;
        let usage = Use {
            record: ask.ask.record,
            reader: ask.ask.reader,
            purpose: ask.ask.purpose,
            at: now,
        };
        let keeper = Arc::clone(&self.holder);
        let partial =
            blocking(move || keeper.serve(consent, &deposit, &object, &usage, &mut rand::rng()));
        let partial = partial.await???;
        Ok(SignedPartial::sign(chain, &ask, holder, partial, &key))
    }

    /// How a holder's shares were used; of this node, or of one that it is passed on to.
    async fn uses(&self, request: UsesRequest) -> Result<Page<Use>, CallError> {
        let (grant, holder, from) = (request.grant, request.holder, request.from);
        if self.identities.key(holder).is_none() {
            let passed_on = UsesRequest {
                hops: hops(request.hops)?,
                ..request
            };
            let answer = self.neighbours.pass_on("uses", passed_on.to_vec()).await?;
            return said(&answer);
        }
        let state = self.fetch(consent::uses_reads(&request)).await?;
        let chain = self.ledger.chain();
        consent::check_uses(&state, chain, self.now(), &request).map_err(state_error)??;
        let keeper = Arc::clone(&self.holder);
        Ok(blocking(move || keeper.uses(grant, holder, from)).await??)
    }

    /// The later of the node's clock and the latest block's time: a clock that was set back reopens nothing.
    fn now(&self) -> TimeMs {
        crate::order::clock().max(self.chain.latest().time)
    }

    async fn fetch(&self, keys: Vec<StateKey>) -> Result<Fetched, CallError> {
        let values = self.chain.state(&keys).await?;
        Ok(Fetched::new(keys.into_iter().zip(values).collect()))
    }

    /// Whether a member may act now.
    ///
    /// # Errors
    /// [`Refusal::MemberUnknown`] or [`Refusal::MemberSuspended`].
    pub async fn may_act(&self, member: MemberId) -> Result<(), CallError> {
        let entry = self.read(MEMBER, member.as_bytes()).await?;
        let entry = entry.ok_or(Refusal::MemberUnknown)?;
        Ok(entry.may_act()?)
    }

    async fn read<T: Decode>(&self, table: Table<T>, name: &[u8]) -> Result<Option<T>, CallError> {
        let state = self.fetch(vec![table.key(name)]).await?;
        state.read(table, name).map_err(state_error)
    }

    async fn entry<T: Decode>(
        &self,
        table: Table<T>,
        name: &[u8],
        what: &str,
    ) -> Result<T, CallError> {
        self.read(table, name)
            .await?
            .ok_or_else(|| CallError::not_found(what))
    }

    /// The entries of `table` that `sequence` lists, from the place `from` on.
    async fn page<I: Decode + AsRef<[u8]>, T: Decode>(
        &self,
        sequence: &Sequence<I>,
        name: &[u8],
        from: u32,
        table: Table<T>,
    ) -> Result<Page<T>, CallError> {
        let total = self.read(sequence.counts(), name).await?.unwrap_or(0);
        let until = total.min(from.saturating_add(PAGE_MAX as u32));
        let places: Vec<_> = (from..until)
            .map(|place| sequence.item_name(name, place))
            .collect();
        let ids = self.read_all(sequence.items(), places).await?;
        let names = ids.iter().map(|id| id.as_ref().to_vec()).collect();
        Ok(Page {
            entries: self.read_all(table, names).await?,
            total,
        })
    }

    async fn read_all<T: Decode>(
        &self,
        table: Table<T>,
        names: Vec<Vec<u8>>,
    ) -> Result<Vec<T>, CallError> {
        let values = self.read_each(table, names).await?;
        Ok(values.into_iter().flatten().collect())
    }

    /// The values called `names` of `table`, in their order.
    async fn read_each<T: Decode>(
        &self,
        table: Table<T>,
        names: Vec<Vec<u8>>,
    ) -> Result<Vec<Option<T>>, CallError> {
        let state = self
            .fetch(names.iter().map(|name| table.key(name)).collect())
            .await?;
        let values = names
            .iter()
            .map(|name| state.read(table, name).map_err(state_error));
        values.collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.chain.shutdown();
        self.private.shutdown();
        let (stop, thread) = &mut self.eraser;
        stop.notify_one();
        // It has the key holder's file open until it ends.
        if let Some(thread) = thread.take() {
            drop(thread.join());
        }
    }
}

/// A transport inside the process.
#[derive(Debug, Clone)]
pub struct InProcess(Arc<Node>);

impl InProcess {
    /// Speaks to `node`.
    #[must_use]
    pub const fn new(node: Arc<Node>) -> Self {
        Self(node)
    }
}

impl Transport for InProcess {
    async fn call(&self, request: Request) -> Result<Response, CallError> {
        self.0.handle(request).await
    }
}

/// Ciphertext as the object of the record `id`.
pub(crate) fn sealed_object(id: RecordId, bytes: Vec<u8>) -> Result<SealedObject, CallError> {
    let object = SealedObject::parse(bytes).map_err(|error| CallError::Unavailable {
        message: error.to_string(),
    })?;
    if object.cid().record() != id {
        let message = format!("the ciphertext of record {id} is not the one the chain names");
        return Err(CallError::Unavailable { message });
    }
    Ok(object)
}

fn may_seal(request: &SealRequest, author: &CertificateEntry, now: TimeMs) -> Result<(), Refusal> {
    if author.certificate.member != request.visit.hospital {
        return Err(Refusal::ForeignMember);
    }
    if !author.certificate.role.signs_records() {
        return Err(Refusal::RoleNotAllowed);
    }
    author.standing(now)
}

/// The objects of a visit, each of which must be the one its record names, of the visit's pseudonym.
fn matching_objects(
    visit: &SealVisit,
    objects: &List<Blob<OBJECT_MAX>, RECORDS_MAX>,
) -> Result<Vec<Vec<u8>>, CallError> {
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
            matches.then(|| object.into_bytes()).ok_or_else(mismatch)
        })
        .collect()
}

/// How many more nodes may pass a call on.
fn hops(left: u8) -> Result<u8, CallError> {
    let left = left.checked_sub(1).ok_or(Refusal::NotKeyHolder)?;
    Ok(left.min(HOPS_MAX - 1))
}

/// What another node answered.
fn said<T: serde::de::DeserializeOwned>(answer: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(answer).map_err(|error| CallError::Unavailable {
        message: format!("a neighbour's answer cannot be read: {error}"),
    })
}

/// What a hospital's private chain says of a visit's records.
fn log_entries(
    transaction: &Transaction,
    objects: &List<Blob<OBJECT_MAX>, RECORDS_MAX>,
    (author, signature): (CertificateId, Signature),
) -> Vec<LogEntry> {
    let Body::Seal(visit) = transaction.body() else {
        return Vec::new();
    };
    let sealed = visit.records.iter().zip(visit.index.iter());
    let sealed = sealed.zip(objects.iter());
    sealed
        .map(|((record, index), object)| LogEntry {
            author,
            nym: visit.nym,
            record: record.record,
            object: Cid::of(object.as_slice()),
            index: index.digest(),
            transaction: transaction.id(),
            signature,
        })
        .collect()
}

/// Runs file work away from the threads that serve the network.
async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> Result<R, CallError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| CallError::Unavailable {
            message: "a file operation was lost".to_owned(),
        })
}

#[allow(clippy::needless_pass_by_value, reason = "the form `map_err` takes")]
fn state_error(error: StateError) -> CallError {
    CallError::Unavailable {
        message: error.to_string(),
    }
}

#[allow(clippy::needless_pass_by_value, reason = "the form `map_err` takes")]
fn store_error(error: StoreError) -> CallError {
    CallError::Unavailable {
        message: error.to_string(),
    }
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// The chain.
    #[error(transparent)]
    Order(#[from] OrderError),
    /// The ciphertext store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The key holder.
    #[error(transparent)]
    KeyHolder(#[from] KeyHolderError),
    /// The private chains.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The system has no thread left.
    #[error("no thread: {0}")]
    Thread(std::io::Error),
    /// The way to other nodes' ciphertext.
    #[error(transparent)]
    Neighbours(#[from] NeighboursError),
}
