//! Looking things up on the chain without believing the node: blocks whose every transaction is
//! bound to the validators' certificate, and whatever stands under a hash.

use yilian_protocol::{
    CertificateId, DisclosureId, GrantId, Height, MemberId, RecordId, TraceId, TransactionId,
    block::transaction_leaf,
    call::{Block, BlockTransaction, CallError, RecordEntry, Transport},
    disclosure::DisclosureEntry,
    finality,
    grant::GrantEntry,
    inclusion,
    receipt::{Receipt, ReceiptError},
    refusal::Refusal,
    registry::{CertificateEntry, Genesis, MemberEntry},
    trace::TraceHead,
    tx::Transaction,
};

use crate::{ClientError, Session};

/// The block at `height`, verified: its header is certified under the genesis' group key, and the
/// header's Merkle root covers exactly these transactions with these outcomes. The signatures in
/// it are not verified again: who certified the block did.
///
/// The genesis' own block, at height 0, has no certificate; the block above it, which has, names it
/// as the one below.
///
/// # Errors
/// [`ClientError::Receipt`] when the node's block is not the chain's; [`CallError::NotFound`] when
/// the chain is not that high.
pub async fn block<T: Transport>(
    session: &Session<T>,
    height: Height,
) -> Result<Block, ClientError> {
    let block = session.block(height).await?;
    check_contents(&block, height, session.genesis())?;
    if height != Height::new(0) {
        check_finality(&block, session.genesis())?;
        return Ok(block);
    }
    let above = session.block(height.next()).await?;
    check_contents(&above, height.next(), session.genesis())?;
    check_finality(&above, session.genesis())?;
    if above.header.parent != block.id {
        return Err(ReceiptError::Finality.into());
    }
    Ok(block)
}

fn check_finality(block: &Block, genesis: &Genesis) -> Result<(), ReceiptError> {
    let (finality, key) = (block.finality.as_slice(), genesis.group_key.as_slice());
    finality::verify(finality, key, &block.header).map_err(|_| ReceiptError::Finality)
}

/// Whether all that the block tells is what its header says.
fn check_contents(block: &Block, height: Height, genesis: &Genesis) -> Result<(), ReceiptError> {
    let header = &block.header;
    if header.chain != genesis.chain() {
        return Err(ReceiptError::OtherChain);
    }
    if header.height != height || header.id() != block.id {
        return Err(ReceiptError::Finality);
    }
    let transactions = &block.transactions;
    if u32::try_from(transactions.len()) != Ok(header.count) {
        return Err(ReceiptError::Inclusion);
    }
    let mut leaves = Vec::with_capacity(transactions.len());
    for transaction in transactions {
        let BlockTransaction {
            id,
            body,
            signer,
            signature,
            outcome,
        } = transaction;
        let bytes = Transaction::bytes_of(header.chain, body, signer, signature);
        if TransactionId::of(&bytes) != *id {
            return Err(ReceiptError::OtherTransaction);
        }
        leaves.push(transaction_leaf(*id, *outcome));
    }
    if inclusion::root(&leaves) != header.transactions {
        return Err(ReceiptError::Inclusion);
    }
    Ok(())
}

/// What a hash may be the name of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A transaction, with the proof that it is final.
    Transaction(Box<Receipt>),
    /// A record.
    Record(Box<RecordEntry>),
    /// A person's certificate.
    Certificate(Box<CertificateEntry>),
    /// A member.
    Member(Box<MemberEntry>),
    /// A standing grant.
    Grant(Box<GrantEntry>),
    /// The trace of a pack, carton or pallet.
    Trace(TraceHead),
    /// That regulators open an identity.
    Disclosure(Box<DisclosureEntry>),
}

/// What stands on the chain under `hash`, verified. `None` when it is proven that it names nothing
/// of the state, and the node says that it is no transaction: that alone is its word.
///
/// # Errors
/// When the node does not answer, or its proof does not verify.
pub async fn find<T: Transport>(
    session: &Session<T>,
    hash: [u8; 32],
) -> Result<Option<Found>, ClientError> {
    match session.receipt(TransactionId::from_bytes(hash)).await {
        Ok(receipt) => return Ok(Some(Found::Transaction(Box::new(receipt)))),
        Err(ClientError::Call(CallError::NotFound { .. })) => {}
        Err(error) => return Err(error),
    }
    if let Some(record) = session.find_record(RecordId::from_bytes(hash)).await? {
        return Ok(Some(Found::Record(Box::new(record))));
    }
    match session.certificate(CertificateId::from_bytes(hash)).await {
        Ok(certificate) => return Ok(Some(Found::Certificate(Box::new(certificate)))),
        Err(error) => only(error, Refusal::CertificateUnknown)?,
    }
    match session.member(MemberId::from_bytes(hash)).await {
        Ok(member) => return Ok(Some(Found::Member(Box::new(member)))),
        Err(error) => only(error, Refusal::MemberUnknown)?,
    }
    if let Some(grant) = session.find_grant(GrantId::from_bytes(hash)).await? {
        return Ok(Some(Found::Grant(Box::new(grant))));
    }
    if let Some(head) = session.trace_head(TraceId::from_bytes(hash)).await? {
        return Ok(Some(Found::Trace(head)));
    }
    let disclosure = session.find_disclosure(DisclosureId::from_bytes(hash));
    let disclosure = disclosure.await?;
    Ok(disclosure.map(|entry| Found::Disclosure(Box::new(entry))))
}

/// Lets pass what is refused by `expected`: absence was proven. A node that says so by itself
/// answers a call with it, and is not believed.
fn only(error: ClientError, expected: Refusal) -> Result<(), ClientError> {
    match error {
        ClientError::Refused(rule) if rule == expected => Ok(()),
        error => Err(error),
    }
}
