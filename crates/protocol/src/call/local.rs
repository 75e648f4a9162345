//! The way to a service inside the process.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    fmt,
    pin::Pin,
    sync::Arc,
};

use super::{Answered, Call, CallError, Registry, ServedBy, Transport};

/// Hands calls to a service of the same process: no limits, no bytes.
pub struct Local<S> {
    service: Arc<S>,
    served: Arc<HashMap<TypeId, Box<dyn Any + Send + Sync>>>,
}

/// What answers a call, kept under the call's type.
type Handler<S, C> = fn(Arc<S>, C) -> Pin<Box<dyn Future<Output = Answered<C>> + Send>>;

impl<S: Send + Sync + 'static> Local<S> {
    /// The way to `service`, which serves what `register` tells of: that of a contract, or
    /// [`register`](super::register) for all of a node.
    pub fn serving(service: Arc<S>, register: impl FnOnce(&mut Served<S>)) -> Self {
        let mut served = Served(HashMap::new(), std::marker::PhantomData);
        register(&mut served);
        Self {
            service,
            served: Arc::new(served.0),
        }
    }
}

impl<S: super::Contracts> Local<S> {
    /// The way to `service`, a node.
    #[must_use]
    pub fn new(service: Arc<S>) -> Self {
        Self::serving(service, super::register)
    }
}

/// The calls that a service serves.
pub struct Served<S>(
    HashMap<TypeId, Box<dyn Any + Send + Sync>>,
    std::marker::PhantomData<fn(S)>,
);

impl<S> fmt::Debug for Served<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Served({} calls)", self.0.len())
    }
}

impl<S: Send + Sync + 'static> Registry<S> for Served<S> {
    fn register<C: ServedBy<S>>(&mut self) {
        let handler: Handler<S, C> =
            |service, call| Box::pin(async move { call.serve(&service).await });
        self.0.insert(TypeId::of::<C>(), Box::new(handler));
    }
}

impl<S> Clone for Local<S> {
    fn clone(&self) -> Self {
        Self {
            service: Arc::clone(&self.service),
            served: Arc::clone(&self.served),
        }
    }
}

impl<S: fmt::Debug> fmt::Debug for Local<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Local").field(&self.service).finish()
    }
}

impl<S: Send + Sync + 'static> Transport for Local<S> {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        let handler = self.served.get(&TypeId::of::<C>());
        let handler = handler.and_then(|handler| handler.downcast_ref::<Handler<S, C>>());
        let handler = handler.ok_or_else(|| CallError::not_found("route"))?;
        handler(Arc::clone(&self.service), call).await
    }
}
