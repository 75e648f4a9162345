//! A conversation with a node about one chain: typed calls over a [`Transport`], every receipt verified.

use yilian_crypto::pseudonym::Nym;
use yilian_protocol::{
    CertificateId, ChainId, GrantId, Height, MemberId, RecordId, TransactionId,
    codec::Encode,
    grant::{Deposit, GrantEntry, SignedAsk},
    receipt::{Receipt, ReceiptError},
    registry::{CertificateEntry, Genesis, MemberEntry},
    sealed::SealedObject,
    transport::{
        Block, OneShot, Page, RecordEntry, Reencapsulated, Request, Response, SealRequest, Status,
        Transport,
    },
    tx::{Body, Transaction, TransactionError},
};

use crate::ClientError;

/// A chain, pinned, and a way to a node of it.
#[derive(Debug, Clone)]
pub struct Session<T> {
    transport: T,
    genesis: Genesis,
    chain: ChainId,
}

/// Sends a request and takes the one variant that answers it.
macro_rules! ask {
    ($session:expr, $request:expr, $answer:ident, $name:literal) => {
        match $session.transport.call($request).await? {
            Response::$answer(value) => value,
            _ => return Err(ClientError::WrongAnswer { request: $name }),
        }
    };
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

    /// Takes the node's own word for its genesis: for a first contact, after which the genesis is to be kept.
    ///
    /// # Errors
    /// When the node does not answer, or contradicts itself.
    pub async fn trust_on_first_use(transport: T) -> Result<Self, ClientError> {
        let Response::Status(status) = transport.call(Request::Status).await? else {
            return Err(ClientError::WrongAnswer { request: "status" });
        };
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
        })
    }

    /// The chain.
    #[must_use]
    pub const fn chain(&self) -> ChainId {
        self.chain
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
        Ok(ask!(self, Request::Status, Status, "status"))
    }

    /// Puts a transaction onto the chain, waits until it is final, and verifies the receipt.
    ///
    /// # Errors
    /// [`ClientError::Refused`] names the rule when the ledger refuses it.
    pub async fn submit(&self, transaction: Transaction) -> Result<Receipt, ClientError> {
        let id = transaction.id();
        let receipt = ask!(self, Request::Submit(transaction), Receipt, "submit");
        self.check(&receipt, id)?;
        receipt.outcome.ok()?;
        Ok(receipt)
    }

    /// Hands a visit's sealed records to the hospital's node, and verifies that they came onto the chain as they were.
    ///
    /// # Errors
    /// [`ClientError::Refused`] names the rule when the ledger refuses them.
    pub async fn seal(&self, request: SealRequest) -> Result<Receipt, ClientError> {
        let body = Body::Seal(request.visit.clone());
        let sealed = ask!(self, Request::Seal(request), Sealed, "seal");
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
        Ok(receipt.verify(self.chain, self.genesis.group_key.as_slice())?)
    }

    /// The verified receipt of a final transaction, whatever became of it.
    ///
    /// # Errors
    /// When there is none, or its proof does not verify.
    pub async fn receipt(&self, id: TransactionId) -> Result<Receipt, ClientError> {
        let receipt = ask!(self, Request::Receipt(id), Receipt, "receipt");
        self.check(&receipt, id)?;
        Ok(receipt)
    }

    /// A block.
    ///
    /// # Errors
    /// When the chain is not that high.
    pub async fn block(&self, height: Height) -> Result<Block, ClientError> {
        Ok(ask!(self, Request::Block(height), Block, "block"))
    }

    /// A certificate's entry in the registry.
    ///
    /// # Errors
    /// When there is none, or the node answers with another.
    pub async fn certificate(&self, id: CertificateId) -> Result<CertificateEntry, ClientError> {
        let entry = ask!(self, Request::Certificate(id), Certificate, "certificate");
        if entry.certificate.id() != id {
            return Err(ClientError::WrongAnswer {
                request: "certificate",
            });
        }
        Ok(entry)
    }

    /// All members.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn members(&self) -> Result<Vec<MemberEntry>, ClientError> {
        let mut all = Vec::new();
        loop {
            let from = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let page = ask!(self, Request::Members(from), Members, "members");
            if !extend(&mut all, page) {
                return Ok(all);
            }
        }
    }

    /// All certificates of a member.
    ///
    /// # Errors
    /// When the node does not answer.
    pub async fn certificates(
        &self,
        member: MemberId,
    ) -> Result<Vec<CertificateEntry>, ClientError> {
        let mut all = Vec::new();
        loop {
            let from = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let request = Request::Certificates(member, from);
            let page = ask!(self, request, Certificates, "certificates");
            if !extend(&mut all, page) {
                return Ok(all);
            }
        }
    }

    /// All records of a visit, in the order in which they came onto the chain.
    ///
    /// # Errors
    /// When the node does not answer, or answers with records of another visit.
    pub async fn visit(&self, nym: &Nym) -> Result<Vec<RecordEntry>, ClientError> {
        let mut all: Vec<RecordEntry> = Vec::new();
        loop {
            let from = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let page = ask!(self, Request::Visit(*nym, from), Visit, "visit");
            if !extend(&mut all, page) {
                break;
            }
        }
        if all.iter().any(|entry| entry.nym != *nym) {
            return Err(ClientError::WrongAnswer { request: "visit" });
        }
        Ok(all)
    }

    /// A record's entry on the chain.
    ///
    /// # Errors
    /// When there is none, or the node answers with another.
    pub async fn record(&self, id: RecordId) -> Result<RecordEntry, ClientError> {
        let entry = ask!(self, Request::Record(id), Record, "record");
        if entry.sealed.record != id {
            return Err(ClientError::WrongAnswer { request: "record" });
        }
        Ok(entry)
    }

    /// A record's sealed object, checked against what the chain says of it.
    ///
    /// # Errors
    /// [`ClientError::FalseObject`] when the node's bytes are not the ones the chain names.
    pub async fn object(&self, entry: &RecordEntry) -> Result<SealedObject, ClientError> {
        let record = entry.sealed.record;
        let bytes = ask!(self, Request::Object(record), Object, "object");
        let object =
            SealedObject::parse(bytes).map_err(|source| ClientError::Sealed { record, source })?;
        let header = object.header();
        let as_on_chain = object.cid().record() == record
            && *header.capsule() == entry.sealed.capsule
            && *header.nym() == entry.nym;
        if !as_on_chain {
            return Err(ClientError::FalseObject { record });
        }
        Ok(object)
    }

    /// Has the node turn a record towards a reader, once.
    ///
    /// # Errors
    /// When the node refuses.
    pub async fn reencapsulate(&self, request: OneShot) -> Result<Reencapsulated, ClientError> {
        Ok(ask!(
            self,
            Request::Reencapsulate(request),
            Reencapsulated,
            "reencapsulate"
        ))
    }

    /// Gives the node the rekeys of a grant.
    ///
    /// # Errors
    /// When the node refuses.
    pub async fn deposit(&self, deposit: Deposit) -> Result<(), ClientError> {
        match self.transport.call(Request::Deposit(deposit)).await? {
            Response::Deposited => Ok(()),
            _ => Err(ClientError::WrongAnswer { request: "deposit" }),
        }
    }

    /// A grant's entry on the chain.
    ///
    /// # Errors
    /// When there is none.
    pub async fn grant(&self, id: GrantId) -> Result<GrantEntry, ClientError> {
        let entry = ask!(self, Request::Grant(id), Grant, "grant");
        if entry.grant.id() != id {
            return Err(ClientError::WrongAnswer { request: "grant" });
        }
        Ok(entry)
    }

    /// Asks a key holder for a record under a standing grant.
    ///
    /// # Errors
    /// The rule by which the key holder refuses.
    pub async fn ask(&self, ask: SignedAsk) -> Result<Reencapsulated, ClientError> {
        Ok(ask!(self, Request::Ask(ask), Reencapsulated, "ask"))
    }
}

/// Adds a page; whether there is more.
fn extend<E>(all: &mut Vec<E>, page: Page<E>) -> bool {
    let empty = page.entries.is_empty();
    all.extend(page.entries);
    !empty && all.len() < page.total as usize
}
