//! A conversation with a node about one chain: typed calls over a [`Transport`], every receipt and
//! every value of the state verified from the genesis.
//!
//! A node cannot invent, change or hide an entry; it can be behind. What it proves is never older
//! than what this session saw before; how old it is stands in [`Session::seen`]. Who keeps that can
//! have the next session begin there: [`Session::go_on_from`].

use std::sync::{Arc, Mutex, PoisonError};

use yilian_crypto::{kem::KemSecret, pre::EncodedCapsule, pseudonym::Nym, sign::SigningKey};
use yilian_protocol::{
    BlockId, CertificateId, ChainId, DisclosureId, GrantId, Height, MemberId, RecordId, StateKey,
    TimeMs, TraceId, TransactionId,
    call::{
        AskHolder, Block, CallError, CheckPrivateEntries, Cross, Deliver, DiscardMail, FetchMail,
        GetBlock, GetIndex, GetObject, GetOpenEntries, GetPrivateBlock, GetPrivateHead,
        GetPrivateInclusion, GetReceipt, GetStamps, GetStatus, GetTrace, GetUses, LeaveDeposit,
        LookUp, Offset, OneShot, Page, PrivateHead, Prove, RecordEntry, Reencapsulate,
        Reencapsulated, Seal, SealRequest, Search, Status, Submit, TransactionBytes, Transport,
        Vouch,
    },
    codec::{Decode, Encode, List},
    disclosure::DisclosureEntry,
    evidence::VisitEntry,
    governance::{CandidateEntry, Candidates, Seats},
    grant::{
        Grant, GrantEntry, HolderAsk, OpeningEntry, SealedDeposit, SealedPartial, Use, UsesRequest,
    },
    letter::{SealedLetter, ToReader},
    limits::{CLOCK_SKEW_MS, CROSSINGS_MAX, HOPS_MAX, PROOFS_MAX},
    mailbox::{Delivery, DiscardRequest, FetchRequest, KeptMail},
    private_chain::{AnchorEntry, OpenEntries, PrivateBlock, PrivateCheck, PrivateInclusion},
    receipt::{Receipt, ReceiptError},
    refusal::Refusal,
    registry::{Admitted, CertificateEntry, Genesis, MemberEntry},
    sealed::SealedObject,
    search::{Crossing, Found, LookupRequest, Pointer, RecordIndex, Searches},
    stamp::{BlindSigned, StampsRequest},
    standing::CertifiedPerson,
    state::{Sequence, Table, tables},
    trace::{TraceEntry, TraceHead},
    tx::{Body, Transaction, TransactionError},
    voucher::{VouchRequest, Voucher},
};

use crate::ClientError;

/// A chain, pinned, and a way to a node of it.
#[derive(Debug, Clone)]
pub struct Session<T> {
    transport: T,
    genesis: Genesis,
    chain: ChainId,
    seen: Arc<Mutex<Seen>>,
}

/// The latest block that was proven final.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    admitted: Option<Admitted>,
    block: Option<BlockId>,
}

impl<T: Transport> Session<T> {
    /// Speaks about the chain that `genesis` begins, which the caller trusts.
    ///
    /// # Errors
    /// [`ClientError::OtherChain`] when the node is of another chain.
    pub async fn open(transport: T, genesis: Genesis) -> Result<Self, ClientError> {
        let session = Self {
            chain: genesis.chain(),
            transport,
            genesis,
            seen: Arc::default(),
        };
        let found = session.status().await?.chain;
        if found != session.chain {
            return Err(ClientError::OtherChain {
                pinned: session.chain,
                found,
            });
        }
        Ok(session)
    }

    /// Takes the node's own word for its genesis: for a first contact, after which the genesis is
    /// to be kept.
    ///
    /// # Errors
    /// When the node does not answer, or contradicts itself.
    pub async fn trust_on_first_use(transport: T) -> Result<Self, ClientError> {
        let status = transport.call(GetStatus {}).await?;
        let chain = status.genesis.chain();
        if chain != status.chain {
            return Err(ClientError::OtherChain {
                pinned: chain,
                found: status.chain,
            });
        }
        Ok(Self {
            transport,
            genesis: status.genesis,
            chain,
            seen: Arc::default(),
        })
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
    }

    /// Checks that what somebody handed over, which names the chain `of`, is of this one.
    ///
    /// # Errors
    /// [`ClientError::ForeignChain`].
    pub(crate) fn same_chain(&self, what: &'static str, of: ChainId) -> Result<(), ClientError> {
        let here = self.chain;
        if of == here {
            return Ok(());
        }
        Err(ClientError::ForeignChain { what, of, here })
    }

    /// Opens what was sealed to the certificate `own`, with the key in it.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when it is for another, [`ClientError::ForeignChain`] when it is
    /// about another chain, [`ClientError::Letter`] when it does not open.
    pub(crate) fn unseal<L: ToReader>(
        &self,
        letter: &SealedLetter<L>,
        own: CertificateId,
        key: &KemSecret,
    ) -> Result<L, ClientError> {
        self.same_chain(L::KIND, letter.chain)?;
        let reader = letter.reader;
        if reader != own {
            return Err(ClientError::NotForMe { reader });
        }
        Ok(letter.open(key)?)
    }

    /// What the chain began with.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// How far the node is.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn status(&self) -> Result<Status, ClientError> {
        Ok(self.transport.call(GetStatus {}).await?)
    }

    /// Signs `body` for this chain with `key`, and has it ordered.
    ///
    /// # Errors
    /// As [`Session::submit`].
    pub async fn order(&self, body: Body, key: &SigningKey) -> Result<Receipt, ClientError> {
        self.submit(Transaction::sign(self.chain(), body, key))
            .await
    }

    /// Puts a transaction onto the chain, waits until it is final, and verifies the receipt.
    ///
    /// # Errors
    /// [`ClientError::Refused`] names the rule when the ledger refuses it.
    pub async fn submit(&self, transaction: Transaction) -> Result<Receipt, ClientError> {
        let id = transaction.id();
        let call = Submit(TransactionBytes::from(&transaction));
        let receipt = self.transport.call(call).await?;
        self.check(&receipt, id)?;
        receipt.outcome.ok()?;
        Ok(receipt)
    }

    /// Hands a visit's sealed records to the hospital's node, and verifies that they came onto the
    /// chain as they were.
    ///
    /// # Errors
    /// [`ClientError::Refused`] names the rule when the ledger refuses them.
    pub async fn seal(&self, request: SealRequest) -> Result<Receipt, ClientError> {
        let body = Body::Seal(request.visit.clone());
        let sealed = self.transport.call(Seal(request)).await?;
        let transaction =
            Transaction::parse(sealed.transaction.as_slice()).map_err(|error| match error {
                TransactionError::Malformed(error) => ReceiptError::Malformed(error),
                _ => ReceiptError::OtherTransaction,
            })?;
        // Compared by encoding: equal bodies have equal bytes.
        if transaction.body().to_vec() != body.to_vec() {
            return Err(ReceiptError::OtherTransaction.into());
        }
        self.check(&sealed.receipt, transaction.id())?;
        sealed.receipt.outcome.ok()?;
        Ok(sealed.receipt)
    }

    fn check(&self, receipt: &Receipt, id: TransactionId) -> Result<(), ClientError> {
        if receipt.transaction != id {
            return Err(ReceiptError::OtherTransaction.into());
        }
        receipt.verify(self.chain, self.genesis.group_key.as_slice())?;
        self.note(Some(receipt.header.id()), receipt.header.admitted());
        Ok(())
    }

    /// The verified receipt of a final transaction, whatever became of it.
    ///
    /// # Errors
    /// When there is none, or its proof does not verify.
    pub async fn receipt(&self, id: TransactionId) -> Result<Receipt, ClientError> {
        let receipt = self.transport.call(GetReceipt { id }).await?;
        self.check(&receipt, id)?;
        Ok(receipt)
    }

    /// A block.
    ///
    /// # Errors
    /// When the chain is not that high.
    pub async fn block(&self, height: Height) -> Result<Block, ClientError> {
        Ok(self.transport.call(GetBlock { height }).await?)
    }

    /// A certificate's entry in the registry.
    ///
    /// # Errors
    /// [`Refusal::CertificateUnknown`] when there is none.
    pub async fn certificate(&self, id: CertificateId) -> Result<CertificateEntry, ClientError> {
        let entry = self.read(tables::CERTIFICATE, id.as_bytes()).await?;
        entry.ok_or_else(|| Refusal::CertificateUnknown.into())
    }

    /// A certified person, as the registry knows him and the member that certified him.
    ///
    /// # Errors
    /// [`Refusal::CertificateUnknown`] when there is none.
    pub async fn person(&self, id: CertificateId) -> Result<CertifiedPerson, ClientError> {
        let certificate = self.certificate(id).await?;
        let member = self.member(certificate.certificate.member).await?;
        Ok(CertifiedPerson::new(certificate, member)?)
    }

    /// The time to sign at: `now` by this device's clock, or that of the latest block that this
    /// session has a proof of, when the clock is behind it. The node's own word can only stop: one
    /// that lies about the time would have records signed that nobody ever opens.
    ///
    /// # Errors
    /// [`ClientError::ClockAhead`] when a reader would take what is signed now for dated ahead.
    /// When the node does not answer.
    pub(crate) async fn time_to_sign(&self, now: TimeMs) -> Result<TimeMs, ClientError> {
        let status = self.status().await?;
        let proven = self.seen().map(|seen| seen.time);
        let said = status.clock.max(status.latest.time);
        let latest = proven.map_or(said, |proven| proven.max(said));
        if now > latest.plus_ms(CLOCK_SKEW_MS) {
            let ms = now.distance_ms(status.clock);
            return Err(ClientError::ClockAhead { ms });
        }
        Ok(proven.map_or(now, |proven| now.max(proven)))
    }

    /// When a question is asked: drawn from the minutes before the node's clock, so that no two
    /// nodes find the same time in two questions of one person. By the node's clock, not by this
    /// device's, so that who is asked neither refuses nor recognises one that is behind. When they
    /// differ by more than clocks may, the node's word counts for less: it is the earlier of both.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn time_to_ask(
        &self,
        now: TimeMs,
        rng: &mut impl rand_core::CryptoRng,
    ) -> Result<TimeMs, ClientError> {
        let now = self.time_to_sign(now).await?;
        let clock = self.status().await?.clock;
        let now = match now.distance_ms(clock) < CLOCK_SKEW_MS {
            true => clock,
            false => now.min(clock),
        };
        let before = rng.next_u64() % (CLOCK_SKEW_MS / 2);
        Ok(TimeMs::new(now.get().saturating_sub(before)))
    }

    /// A member's entry in the registry.
    ///
    /// # Errors
    /// [`Refusal::MemberUnknown`] when there is none.
    pub async fn member(&self, id: MemberId) -> Result<MemberEntry, ClientError> {
        let entry = self.read(tables::MEMBER, id.as_bytes()).await?;
        entry.ok_or_else(|| Refusal::MemberUnknown.into())
    }

    /// All members.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn members(&self) -> Result<Vec<MemberEntry>, ClientError> {
        self.list(&tables::MEMBERS, &[], tables::MEMBER).await
    }

    /// How often a member voted or stood a node: the number of its next vote.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub async fn cast(&self, member: MemberId) -> Result<u32, ClientError> {
        Ok(self
            .read(tables::CAST, member.as_bytes())
            .await?
            .unwrap_or(0))
    }

    /// Everyone who ever stood for election, with the votes that stand now.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub async fn candidates(&self) -> Result<Vec<CandidateEntry>, ClientError> {
        let known = self.read(tables::CANDIDATES, &[]).await?;
        let founders = || self.genesis().governance.candidates();
        Ok(known.map_or_else(founders, Candidates::into_vec))
    }

    /// The delegates of an epoch; `None` when they are not elected yet.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub async fn seats(&self, epoch: u64) -> Result<Option<Seats>, ClientError> {
        let governance = &self.genesis().governance;
        if governance.epoch_blocks.elected_at(epoch).is_none() {
            return Ok(Some(governance.seats()));
        }
        self.read(tables::SEATS, &epoch.to_be_bytes()).await
    }

    /// All certificates of a member.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub async fn certificates(
        &self,
        member: MemberId,
    ) -> Result<Vec<CertificateEntry>, ClientError> {
        let (sequence, table) = (&tables::CERTIFICATES, tables::CERTIFICATE);
        self.list(sequence, member.as_bytes(), table).await
    }

    /// All records of a visit, in the order in which they came onto the chain.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub async fn visit(&self, nym: &Nym) -> Result<Vec<RecordEntry>, ClientError> {
        let name = nym.to_bytes();
        let sealed = self.sequence(&tables::VISIT_RECORDS, &name).await?;
        let keys = sealed.iter().flat_map(|records| records.iter());
        let keys: Vec<StateKey> = keys.map(|id| tables::RECORD.key(id.as_bytes())).collect();
        without_gaps(self.read_many(tables::RECORD, &keys).await?)
    }

    /// What the chain knows of a visit; `None` when it is proven that nothing was sealed of it.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub(crate) async fn find_visit(&self, nym: &Nym) -> Result<Option<VisitEntry>, ClientError> {
        self.read(tables::VISIT, &nym.to_bytes()).await
    }

    /// The same of several visits, in their order.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub(crate) async fn find_visits(
        &self,
        nyms: &[Nym],
    ) -> Result<Vec<Option<VisitEntry>>, ClientError> {
        let keys = nyms.iter().map(|nym| tables::VISIT.key(&nym.to_bytes()));
        let keys: Vec<StateKey> = keys.collect();
        self.read_many(tables::VISIT, &keys).await
    }

    /// A request to open an identity, as it stands on the chain; `None` when it is proven that it
    /// does not.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub(crate) async fn find_disclosure(
        &self,
        id: DisclosureId,
    ) -> Result<Option<DisclosureEntry>, ClientError> {
        self.read(tables::DISCLOSURE, id.as_bytes()).await
    }

    /// Who opened the identity behind a pseudonym, in order. Proven.
    ///
    /// # Errors
    /// As [`Session::members`].
    pub async fn disclosures(&self, nym: &Nym) -> Result<Vec<DisclosureEntry>, ClientError> {
        let (sequence, table) = (&tables::DISCLOSURES, tables::DISCLOSURE);
        self.list(sequence, &nym.to_bytes(), table).await
    }

    /// A record's entry on the chain.
    ///
    /// # Errors
    /// When there is none.
    pub async fn record(&self, id: RecordId) -> Result<RecordEntry, ClientError> {
        let entry = self.find_record(id).await?;
        entry.ok_or_else(|| CallError::not_found("record").into())
    }

    /// A record on the chain; `None` when it is proven that there is none.
    ///
    /// # Errors
    /// When the node does not answer, or what it answers is not proven.
    pub async fn find_record(&self, id: RecordId) -> Result<Option<RecordEntry>, ClientError> {
        self.read(tables::RECORD, id.as_bytes()).await
    }

    /// The latest block, as the node says.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn latest(&self) -> Result<Admitted, ClientError> {
        Ok(self.status().await?.latest)
    }

    /// The latest block of which this session has a proof: values read before it are at least as
    /// old.
    #[must_use]
    pub fn seen(&self) -> Option<Admitted> {
        self.lock().admitted
    }

    /// Goes on from the latest block that an earlier session on this chain had a proof of: from now
    /// on a node that proves something older is refused with [`ReceiptError::Outdated`], also when
    /// it proves that there is no such thing. Without it, a node that shows an old state to every
    /// new session is believed each time.
    pub fn go_on_from(&self, known: Admitted) {
        self.note(None, known);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value called `name` of `table`; `None` when it is proven that there is none.
    async fn read<V: Decode>(
        &self,
        table: Table<V>,
        name: &[u8],
    ) -> Result<Option<V>, ClientError> {
        let values = self.read_many(table, &[table.key(name)]).await?;
        Ok(values.into_iter().next().flatten())
    }

    /// The values that `sequence` lists under `name`.
    async fn list<I: Decode + AsRef<[u8]>, V: Decode>(
        &self,
        sequence: &Sequence<I>,
        name: &[u8],
        table: Table<V>,
    ) -> Result<Vec<V>, ClientError> {
        let ids = self.sequence(sequence, name).await?;
        let keys = ids.iter().map(|id| table.key(id.as_ref()));
        let keys: Vec<StateKey> = keys.collect();
        without_gaps(self.read_many(table, &keys).await?)
    }

    async fn read_many<V: Decode>(
        &self,
        table: Table<V>,
        keys: &[StateKey],
    ) -> Result<Vec<Option<V>>, ClientError> {
        let mut values = Vec::with_capacity(keys.len());
        for some in keys.chunks(PROOFS_MAX) {
            let before = self.seen();
            let call = Prove(List::new(some.to_vec())?);
            let proven = self.transport.call(call).await?;
            let group_key = self.genesis.group_key.as_slice();
            let header = &proven.header;
            let known = self.lock().block == Some(header.id());
            let found = if known {
                proven.verify_final(some)?
            } else {
                proven.verify(self.chain, group_key, some)?
            };
            if before.is_some_and(|before| header.height < before.height) {
                return Err(ReceiptError::Outdated.into());
            }
            self.note(Some(header.id()), header.admitted());
            for value in found {
                values.push(value.map(|bytes| table.read(bytes)).transpose()?);
            }
        }
        Ok(values)
    }

    fn note(&self, block: Option<BlockId>, admitted: Admitted) {
        let mut seen = self.lock();
        if seen
            .admitted
            .is_none_or(|latest| latest.height < admitted.height)
        {
            *seen = Seen {
                admitted: Some(admitted),
                block,
            };
        }
    }

    /// A record's sealed object, checked against what the chain says of it.
    ///
    /// # Errors
    /// [`ClientError::FalseObject`] when the node's bytes are not the ones the chain names.
    pub async fn object(&self, entry: &RecordEntry) -> Result<SealedObject, ClientError> {
        let record = entry.sealed.record;
        let bytes = self.transport.call(GetObject { id: record }).await?;
        let object =
            SealedObject::parse(bytes).map_err(|source| ClientError::Sealed { record, source })?;
        let header = object.header();
        let as_on_chain = object.cid().record() == record
            && EncodedCapsule::from(header.capsule()) == entry.sealed.capsule
            && *header.nym() == entry.nym;
        if !as_on_chain {
            return Err(ClientError::FalseObject { record });
        }
        Ok(object)
    }

    /// A record's index entries, checked against what the chain says of it.
    ///
    /// # Errors
    /// [`ReceiptError::State`] when they are not the ones the chain commits to.
    pub async fn index(&self, entry: &RecordEntry) -> Result<RecordIndex, ClientError> {
        let id = entry.sealed.record;
        let index = self.transport.call(GetIndex { id }).await?;
        if index.digest() == entry.index {
            Ok(index)
        } else {
            Err(ReceiptError::State.into())
        }
    }

    /// What stands at some addresses of an index, as the node says.
    ///
    /// # Errors
    /// When the node does not answer each.
    pub async fn lookup(
        &self,
        request: LookupRequest,
    ) -> Result<Vec<Option<Pointer>>, ClientError> {
        let count = request.addresses.len();
        let pointers = self.transport.call(LookUp(request)).await?.0;
        answered(pointers, count, "lookup")
    }

    /// The records that some trapdoors find, as the node says.
    ///
    /// # Errors
    /// When the node does not answer each.
    pub async fn search(&self, finds: Searches) -> Result<Vec<Found>, ClientError> {
        let count = finds.len();
        let found = self.transport.call(Search(finds)).await?;
        answered(found, count, "search")
    }

    /// Whether records have the keywords of some cross tags, as the node says.
    ///
    /// # Errors
    /// When the node does not answer each.
    pub async fn cross(
        &self,
        crossings: List<Crossing, CROSSINGS_MAX>,
    ) -> Result<Vec<bool>, ClientError> {
        let count = crossings.len();
        let crossed = self.transport.call(Cross(crossings)).await?;
        answered(crossed, count, "cross")
    }

    /// Where a trace stands, and all of its entries: the head proven, the entries linked to it.
    /// `None` when it is proven that there is no such trace.
    ///
    /// # Errors
    /// [`ReceiptError::State`] when the entries are not the ones the head links.
    pub async fn trace(
        &self,
        id: TraceId,
    ) -> Result<Option<(TraceHead, Vec<TraceEntry>)>, ClientError> {
        let Some(head) = self.trace_head(id).await? else {
            return Ok(None);
        };
        let mut entries: Vec<TraceEntry> = Vec::new();
        while entries.len() < head.length as usize {
            let from = Offset(entries.len() as u32);
            let page = self.transport.call(GetTrace { id, from }).await?;
            if page.entries.is_empty() {
                return Err(ReceiptError::State.into());
            }
            entries.extend(page.entries);
        }
        // The node may have grown it since the head was proven.
        entries.truncate(head.length as usize);
        let mut link = TraceHead::EMPTY;
        for entry in &entries {
            if entry.shared.id() != entry.item.shared {
                return Err(ReceiptError::State.into());
            }
            link = TraceHead::link(link, &entry.item);
        }
        if link != head.link {
            return Err(ReceiptError::State.into());
        }
        Ok(Some((head, entries)))
    }

    /// Where a trace stands; `None` when it is proven that there is no such trace.
    ///
    /// # Errors
    /// When the node does not answer, or its proof does not verify.
    pub async fn trace_head(&self, id: TraceId) -> Result<Option<TraceHead>, ClientError> {
        self.read(tables::TRACE, id.as_bytes()).await
    }

    /// Where several traces stand.
    ///
    /// # Errors
    /// As [`Session::trace_head`].
    pub async fn trace_heads(
        &self,
        ids: &[TraceId],
    ) -> Result<Vec<Option<TraceHead>>, ClientError> {
        let keys: Vec<StateKey> = ids
            .iter()
            .map(|id| tables::TRACE.key(id.as_bytes()))
            .collect();
        self.read_many(tables::TRACE, &keys).await
    }

    /// Has the node turn a record towards a reader, once.
    ///
    /// # Errors
    /// When the node refuses.
    pub async fn reencapsulate(&self, request: OneShot) -> Result<Reencapsulated, ClientError> {
        Ok(self.transport.call(Reencapsulate(request)).await?)
    }

    /// A key holder's word for a grant, with which it is put onto the chain.
    ///
    /// # Errors
    /// The rule by which the holder refuses.
    pub async fn vouch(&self, grant: &Grant, holder: MemberId) -> Result<Voucher, ClientError> {
        let request = VouchRequest {
            grant: grant.clone(),
            holder,
            hops: HOPS_MAX,
        };
        Ok(self.transport.call(Vouch(request)).await?)
    }

    /// Gives a key holder its shares of a grant's rekeys.
    ///
    /// # Errors
    /// When the key holder refuses, or cannot be reached through the node.
    pub async fn deposit(&self, deposit: SealedDeposit) -> Result<(), ClientError> {
        Ok(self.transport.call(LeaveDeposit(deposit)).await?)
    }

    /// A grant's entry on the chain.
    ///
    /// # Errors
    /// When there is none.
    pub async fn grant(&self, id: GrantId) -> Result<GrantEntry, ClientError> {
        let entry = self.find_grant(id).await?;
        entry.ok_or_else(|| CallError::not_found("grant").into())
    }

    /// A grant's entry on the chain; `None` when it is proven that there is none. A node that only
    /// says so is an error.
    ///
    /// # Errors
    /// When the node does not answer, or its proof does not verify.
    pub async fn find_grant(&self, id: GrantId) -> Result<Option<GrantEntry>, ClientError> {
        self.read(tables::GRANT, id.as_bytes()).await
    }

    /// Asks a key holder for its part of a record under a standing grant. Nothing of the
    /// answer is opened or verified.
    ///
    /// # Errors
    /// The rule by which the key holder refuses.
    pub async fn ask(&self, ask: HolderAsk) -> Result<SealedPartial, ClientError> {
        let holder = ask.holder;
        let partial = self.transport.call(AskHolder(ask)).await?;
        if partial.holder == holder {
            Ok(partial)
        } else {
            Err(ClientError::WrongAnswer { request: "ask" })
        }
    }

    /// How a grant was used, as one key holder noted it.
    ///
    /// # Errors
    /// The rule by which the key holder refuses.
    pub async fn uses(&self, request: UsesRequest) -> Result<Page<Use>, ClientError> {
        Ok(self.transport.call(GetUses(request)).await?)
    }

    /// Leaves a letter in a mailbox.
    ///
    /// # Errors
    /// The rule by which the node that keeps it refuses.
    pub async fn deliver(&self, delivery: Delivery) -> Result<(), ClientError> {
        Ok(self.transport.call(Deliver(delivery)).await?)
    }

    /// The letters of a mailbox, a page of them; nothing of them is verified.
    ///
    /// # Errors
    /// The rule by which the node that keeps it refuses.
    pub(crate) async fn fetch_mail(
        &self,
        request: FetchRequest,
    ) -> Result<Page<KeptMail>, ClientError> {
        Ok(self.transport.call(FetchMail(request)).await?)
    }

    /// Has letters of a mailbox deleted.
    ///
    /// # Errors
    /// The rule by which the node that keeps it refuses.
    pub(crate) async fn discard_mail(&self, request: DiscardRequest) -> Result<(), ClientError> {
        Ok(self.transport.call(DiscardMail(request)).await?)
    }

    /// Has a member's node sign blinded stamps; they are not verified.
    ///
    /// # Errors
    /// The rule by which the node refuses.
    pub async fn stamps(&self, request: StampsRequest) -> Result<BlindSigned, ClientError> {
        Ok(self.transport.call(GetStamps(request)).await?)
    }

    /// How far a hospital's private chain is, as the node says.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn log_head(&self, hospital: MemberId) -> Result<PrivateHead, ClientError> {
        Ok(self.transport.call(GetPrivateHead { hospital }).await?)
    }

    /// A block of a hospital's private chain; nothing of it is verified.
    ///
    /// # Errors
    /// When there is none.
    pub async fn log_block(
        &self,
        hospital: MemberId,
        height: Height,
    ) -> Result<PrivateBlock, ClientError> {
        Ok(self
            .transport
            .call(GetPrivateBlock { hospital, height })
            .await?)
    }

    /// The entries of a hospital's private chain that are in no block yet; nothing of them is
    /// verified.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn log_open(&self, hospital: MemberId) -> Result<OpenEntries, ClientError> {
        Ok(self.transport.call(GetOpenEntries { hospital }).await?)
    }

    /// Has a block closed over entries that were checked.
    ///
    /// # Errors
    /// When other entries wait, the checker wrote one of them, or may not check.
    pub async fn log_check(&self, check: PrivateCheck) -> Result<PrivateBlock, ClientError> {
        Ok(self.transport.call(CheckPrivateEntries(check)).await?)
    }

    /// That an entry stands in a hospital's private chain of `size` entries; not verified.
    ///
    /// # Errors
    /// When the chain is not that long.
    pub async fn log_inclusion(
        &self,
        hospital: MemberId,
        index: u64,
        size: u64,
    ) -> Result<PrivateInclusion, ClientError> {
        let call = GetPrivateInclusion {
            hospital,
            index,
            size,
        };
        Ok(self.transport.call(call).await?)
    }

    /// Every opening of an emergency grant, in order. Proven.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn openings(&self, grant: GrantId) -> Result<Vec<OpeningEntry>, ClientError> {
        self.sequence(&tables::OPENINGS, grant.as_bytes()).await
    }

    /// The anchors of a hospital's private chain, in order. Proven.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn anchors(&self, hospital: MemberId) -> Result<Vec<AnchorEntry>, ClientError> {
        self.sequence(&tables::ANCHORS, hospital.as_bytes()).await
    }

    /// All items of a sequence.
    async fn sequence<V: Decode>(
        &self,
        sequence: &Sequence<V>,
        name: &[u8],
    ) -> Result<Vec<V>, ClientError> {
        let count = self.read(sequence.counts(), name).await?.unwrap_or(0);
        let places = (0..count).map(|index| sequence.item_key(name, index));
        let places: Vec<StateKey> = places.collect();
        without_gaps(self.read_many(sequence.items(), &places).await?)
    }

    /// When each of a grant's key holders said that it erased its shares; `None` for those who did
    /// not. Proven.
    ///
    /// # Errors
    /// When the node does not answer, or its proof does not verify.
    pub async fn erasures(
        &self,
        grant: GrantId,
        holders: &[MemberId],
    ) -> Result<Vec<Option<Admitted>>, ClientError> {
        let names = holders
            .iter()
            .map(|holder| tables::erasure_name(&grant, holder));
        let keys: Vec<StateKey> = names.map(|name| tables::ERASURE.key(&name)).collect();
        self.read_many(tables::ERASURE, &keys).await
    }
}

/// Sequences only grow, and what they list stays: a gap is the node's fault.
fn without_gaps<V>(values: Vec<Option<V>>) -> Result<Vec<V>, ClientError> {
    let all: Option<Vec<V>> = values.into_iter().collect();
    all.ok_or_else(|| ReceiptError::State.into())
}

/// One answer for each question.
fn answered<A>(
    answers: Vec<A>,
    count: usize,
    request: &'static str,
) -> Result<Vec<A>, ClientError> {
    if answers.len() == count {
        Ok(answers)
    } else {
        Err(ClientError::WrongAnswer { request })
    }
}
