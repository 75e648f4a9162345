//! A hospital that lies as a key holder: a decorator around the product's own node. It answers with
//! another's share, says that it erased what it keeps, and serves by the consent of before.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::rngs::StdRng;
use yilian_crypto::seed::MemberKeys;
use yilian_node::{
    consortium::ConsortiumChain,
    order::{EncodedTransaction, FinalBlock, Place, SubmitError, simulation::SimulatedChain},
    service::Node,
};
use yilian_protocol::{
    Height, StateKey, TimeMs, TransactionId,
    call::{Answered, AskHolder, Call, CallError, LeaveDeposit, Local, Transport},
    grant::{HolderAsk, SealedPartial, SignedPartial},
    receipt::Receipt,
    refusal::Refusal,
    registry::Admitted,
    state::proof::ProvenState,
};

use crate::{
    hospitals::{Hospitals, Way},
    node_key,
};

/// Two nodes of one hospital: the one that others see, and one with shares of its own over a chain
/// that it remembers.
pub(crate) struct Liar<'a> {
    pub hospitals: &'a Arc<Hospitals>,
    pub place: usize,
    pub front: &'a Local<Node<SimulatedChain, Way>>,
    pub hidden: &'a Local<Node<Remembering, Way>>,
}

impl Transport for Liar<'_> {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let me = self.hospitals.ca(self.place).id();
        let any: &(dyn Any + Send + Sync) = &call;
        if let Some(deposit) = any.downcast_ref::<LeaveDeposit>()
            && deposit.0.holder == me
        {
            self.hidden.call(deposit.clone()).await?;
        }
        if let Some(AskHolder(asked)) = any.downcast_ref()
            && asked.holder == me
        {
            let partial = self.lie(asked.clone()).await?;
            let answer: Box<dyn Any> = Box::new(partial);
            let answer = answer.downcast::<C::Answer>();
            return Ok(*answer.unwrap_or_else(|_| unreachable!("an ask is answered with a part")));
        }
        self.front.call(call).await
    }
}

impl Liar<'_> {
    /// The first time a part of another's share; afterwards its own, whatever became of the grant.
    async fn lie(&self, asked: HolderAsk) -> Result<SealedPartial, CallError> {
        let (chain, key) = (self.hospitals.chain(), node_key(self.place));
        let ask = asked.open(chain, &key)?;
        let (grant, me) = (ask.ask.grant, asked.holder);
        // What it sees of the grant now is what it will remember.
        let own = self.hidden.call(AskHolder(asked.clone())).await;
        if self.hospitals.lied(grant).contains(&me) {
            return own;
        }
        let honest = self.hospitals.honest().next();
        let other = honest.ok_or(Refusal::NotKeyHolder)?;
        let holder = self.hospitals.ca(other);
        let to = (holder.id(), &holder.member().kem);
        let instead = HolderAsk::seal(chain, &ask, to, &mut self.hospitals.rng())?;
        let other = self.hospitals.front(other)?;
        let other = other.call(AskHolder(instead)).await?;
        self.hospitals.note_lie(self.place, grant);
        // Nobody but the reader could open it; the simulation can.
        let reader = MemberKeys::from_seed(&self.hospitals.reader(ask.ask.reader)?).kem;
        let other = other.open(chain, &ask, &reader)?;
        let answer = SignedPartial::sign(chain, &ask, me, (other.partial, None), &key);
        let (to, rng) = (reader.public(), &mut self.hospitals.rng());
        Ok(SealedPartial::seal(chain, &ask, &answer, to, rng)?)
    }
}

/// A chain whose values never change for who remembers them.
#[derive(Debug, Clone)]
pub(crate) struct Remembering {
    chain: SimulatedChain,
    seen: Arc<Mutex<BTreeMap<StateKey, Vec<u8>>>>,
}

impl Remembering {
    /// Remembers nothing yet.
    pub fn new(chain: SimulatedChain) -> Self {
        Self {
            chain,
            seen: Arc::default(),
        }
    }
}

impl ConsortiumChain for Remembering {
    fn latest(&self) -> Admitted {
        self.chain.latest()
    }

    fn now(&self) -> TimeMs {
        self.chain.now()
    }

    fn waiting(&self) -> u64 {
        self.chain.waiting()
    }

    fn check(&self, transaction: &EncodedTransaction) -> Result<(), Refusal> {
        self.chain.check(transaction)
    }

    async fn submit(&self, transaction: EncodedTransaction) -> Result<Place, SubmitError> {
        ConsortiumChain::submit(&self.chain, transaction).await
    }

    async fn receipt(&self, id: TransactionId) -> Result<Option<Receipt>, SubmitError> {
        ConsortiumChain::receipt(&self.chain, id).await
    }

    async fn state(&self, keys: Vec<StateKey>) -> Result<Vec<Option<Vec<u8>>>, SubmitError> {
        let values = ConsortiumChain::state(&self.chain, keys.clone()).await?;
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let remembered = keys.into_iter().zip(values).map(|(key, value)| {
            let value = value?;
            Some(seen.entry(key).or_insert(value).clone())
        });
        Ok(remembered.collect())
    }

    async fn prove(&self, keys: Vec<StateKey>) -> Result<ProvenState, SubmitError> {
        ConsortiumChain::prove(&self.chain, keys).await
    }

    async fn block(&self, height: Height) -> Result<Option<FinalBlock>, SubmitError> {
        ConsortiumChain::block(&self.chain, height).await
    }

    async fn metrics(&self) -> Result<String, SubmitError> {
        self.chain.metrics().await
    }

    async fn apart<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, SubmitError> {
        self.chain.apart(work).await
    }

    async fn sleep(&self, time: Duration) {
        ConsortiumChain::sleep(&self.chain, time).await;
    }

    fn rng(&self) -> StdRng {
        self.chain.rng()
    }

    fn shutdown(&self) {}
}
