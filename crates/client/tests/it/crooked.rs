//! A connection that bends what an honest node answers.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use yilian_client::Session;
use yilian_node::service::InProcess;
use yilian_protocol::{
    RecordId,
    call::{Answered, Call, CallError, GetObject, Submit, Transport, Vouch},
    refusal::Refusal,
};

use crate::world::World;

/// What is bent.
#[derive(Debug, Default)]
pub struct Bends {
    /// Objects that are gone, or in whose place another's is handed out.
    pub objects: BTreeMap<RecordId, Option<RecordId>>,
    /// How many of the next vouchers are changed on their way.
    pub vouchers: usize,
    /// Rules by which the next submissions are refused: by the node's word, without a receipt.
    pub refusals: Vec<Refusal>,
}

#[derive(Debug, Clone)]
pub struct Crooked {
    honest: InProcess,
    bends: Arc<Mutex<Bends>>,
}

impl Crooked {
    /// A session with the world's node over such a connection.
    pub async fn session(world: &World) -> (Self, Session<Self>) {
        let crooked = Self {
            honest: world.transport.clone(),
            bends: Arc::default(),
        };
        let genesis = world.session.genesis().clone();
        let session = Session::open(crooked.clone(), genesis).await.unwrap();
        (crooked, session)
    }

    pub fn bends(&self) -> MutexGuard<'_, Bends> {
        self.bends.lock().unwrap()
    }
}

impl Transport for Crooked {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        if let Some(GetObject { id }) = seen(&call) {
            let bent = self.bends().objects.get(id).copied();
            return match bent {
                Some(None) => Err(CallError::not_found("object")),
                Some(Some(id)) => self.honest.call(GetObject { id }).await.map(said::<C>),
                None => self.honest.call(call).await,
            };
        }
        if seen::<Submit>(&call).is_some() {
            let refusal = self.bends().refusals.pop();
            if let Some(rule) = refusal {
                return Err(CallError::Refused { rule });
            }
        }
        if let Some(Vouch(request)) = seen(&call) {
            let mut voucher = self.honest.call(Vouch(request.clone())).await?;
            let left = self.bends().vouchers.checked_sub(1);
            if let Some(left) = left {
                self.bends().vouchers = left;
                voucher.epoch += 1;
            }
            return Ok(said::<C>(voucher));
        }
        self.honest.call(call).await
    }
}

/// The call, if it is of the type `X`.
pub fn seen<X: Call>(call: &dyn Any) -> Option<&X> {
    call.downcast_ref()
}

/// A bent answer in place of the honest one.
pub fn said<C: Call>(answer: impl Any) -> C::Answer {
    let answer: Box<dyn Any> = Box::new(answer);
    *answer.downcast().unwrap()
}
