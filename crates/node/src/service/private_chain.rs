//! The contract of hospitals' private chains.

use std::sync::Arc;

use yilian_protocol::{
    call::{
        Answered, CallError, CheckPrivateEntries, GetOpenEntries, GetPrivateBlock, GetPrivateHead,
        GetPrivateInclusion, PrivateChainContract,
    },
    private_chain::{PrivateBlock, PrivateCheck},
    refusal::Refusal,
};

use super::{Neighbour, Node};
use crate::{
    consortium::ConsortiumChain,
    private_chain::{PrivateChain, PrivateChainError},
};

impl<C: ConsortiumChain, N: Neighbour> PrivateChainContract for Node<C, N> {
    async fn head(&self, GetPrivateHead { hospital }: GetPrivateHead) -> Answered<GetPrivateHead> {
        self.log(move |log| log.head(hospital)).await
    }

    async fn log_block(&self, call: GetPrivateBlock) -> Answered<GetPrivateBlock> {
        let GetPrivateBlock { hospital, height } = call;
        let block = self.log(move |log| log.block(hospital, height)).await?;
        block.ok_or_else(|| CallError::not_found("block"))
    }

    async fn open_entries(&self, call: GetOpenEntries) -> Answered<GetOpenEntries> {
        self.log(move |log| log.open_entries(call.hospital)).await
    }

    async fn check(
        &self,
        CheckPrivateEntries(check): CheckPrivateEntries,
    ) -> Answered<CheckPrivateEntries> {
        self.checked(check).await
    }

    async fn inclusion(&self, call: GetPrivateInclusion) -> Answered<GetPrivateInclusion> {
        let GetPrivateInclusion {
            hospital,
            index,
            size,
        } = call;
        let proof = self.log(move |log| log.inclusion(hospital, index, size));
        proof.await?.ok_or_else(|| CallError::not_found("entry"))
    }
}

impl<C: ConsortiumChain, N: Neighbour> Node<C, N> {
    /// Closes a block of a private chain over entries that a person of the hospital checked who
    /// wrote none of them.
    async fn checked(&self, check: PrivateCheck) -> Result<PrivateBlock, CallError> {
        let hospital = check.hospital;
        let key = self.identities.key(hospital);
        let key = key.ok_or(Refusal::ForeignMember)?;
        let checker = self.person(check.checker).await?;
        checker.standing(self.chain.now())?;
        if checker.certificate().member != hospital {
            return Err(Refusal::ForeignMember.into());
        }
        let chain = self.ledger.chain();
        check
            .verify(chain, &checker.certificate().signing)
            .map_err(|_| Refusal::BadSignature)?;
        let time = self.chain.now();
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
        look: impl FnOnce(&PrivateChain) -> Result<R, PrivateChainError> + Send + 'static,
    ) -> Result<R, CallError> {
        let log = Arc::clone(self.private.log());
        Ok(self.chain.apart(move || look(&log)).await??)
    }
}
