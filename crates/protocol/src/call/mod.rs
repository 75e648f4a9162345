//! The one joint between clients and nodes: the table of calls, and whoever carries them.
//!
//! A contract's file ([`chain`], [`record`], [`consent`], [`search`], [`trace`], [`private_chain`],
//! [`mailbox`]) has a row for each of its calls: what it does, what it takes and answers, method
//! and path, what it may cost, and who may call. Everything else is generic over [`Call`]: the
//! client over HTTP
//! and the node's routes ([`http`]), the way inside a process ([`Local`]), the API's description.
//!
//! ```text
//! calls! { row }  ->  a type, which is a Call      Session -> Transport::call(Seal(request))
//!                 ->  a method of the contract     Node: RecordContract::seal(Seal(request))
//! ```
//! A node serves a contract by implementing its trait. One that it forgets does not compile.

pub mod chain;
pub mod consent;
mod encoding;
mod error;
pub mod http;
mod local;
pub mod mailbox;
mod parameter;
pub mod private_chain;
pub mod record;
pub mod search;
mod table;
pub mod trace;

pub use chain::*;
pub use consent::*;
pub use encoding::{Encoding, Json, Nothing, Octets};
pub use error::CallError;
pub use local::Local;
pub use mailbox::*;
pub use parameter::{Offset, Parameter, ParameterKind, Parameters};
pub use private_chain::*;
pub use record::*;
pub use search::*;
pub use trace::*;

use schemars::JsonSchema;

use crate::limits::PAGE_MAX;

/// One call: what is asked for, on its way to whoever answers.
pub trait Call: Clone + Send + Sync + Sized + 'static {
    /// What answers it.
    type Answer: Send + 'static;
    /// How the answer is written.
    type Encoding: Encoding<Self::Answer>;
    /// What stands in the table about it.
    const ROW: Row;

    /// The values of the row's parameters, in their order.
    fn parameters(&self) -> Vec<String>;

    /// The body, when the row has one.
    fn body(&self) -> Option<Vec<u8>>;

    /// Reads a call from its parameters and its body.
    ///
    /// # Errors
    /// [`CallError::Invalid`] when one of them is missing or is not what it should be.
    fn read(parameters: &Parameters, body: &[u8]) -> Result<Self, CallError>;
}

/// What comes of a call.
pub type Answered<C> = Result<<C as Call>::Answer, CallError>;

/// What the table says of a call.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The contract that it is part of.
    pub contract: &'static str,
    /// Its name.
    pub name: &'static str,
    /// What it does, in a sentence or two.
    pub summary: &'static str,
    /// How it is sent.
    pub method: Method,
    /// The path below `/v1/`, with parameters in braces.
    pub path: &'static str,
    /// The parameters. Those that are not in the path stand in the query.
    pub parameters: &'static [ParameterRow],
    /// What the body is called, if there is one.
    pub body: Option<&'static str>,
    /// Bytes of the largest body; checked before anything of it is decoded.
    pub body_max: usize,
    /// Bytes of the largest answer; a client reads no further.
    pub answer_max: usize,
    /// Who may call. Checked before the body is read.
    pub caller: Caller,
    /// Where the body is decoded.
    pub work: Work,
    /// How many of it a node serves at the same time; one more is told that the node is busy.
    pub at_once: usize,
}

impl Row {
    /// Whether the parameter stands in the path.
    #[must_use]
    pub fn is_in_path(&self, parameter: &str) -> bool {
        let mut parts = self.path.split('/');
        parts.any(|part| named(part) == Some(parameter))
    }
}

/// The parameter that a part of a path is a place for.
pub(crate) fn named(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}

/// A parameter of a call.
#[derive(Debug, Clone, Copy)]
pub struct ParameterRow {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub kind: ParameterKind,
    /// What is meant when it is left out; `None` when it must be there.
    pub default: Option<&'static str>,
}

/// How a call is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// It has parameters only, and changes nothing.
    Get,
    /// It has a body.
    Post,
}

impl Method {
    /// As HTTP writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
        }
    }
}

/// Who may make a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Whoever reaches the node. Rules of the contract may still ask for a signature.
    Anybody,
    /// A member of the consortium that may act, known by its certificate (TLS).
    Member,
}

/// What decoding a call's body takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Little: ids and hashes. It is done on the threads that serve the network.
    Light,
    /// Points of a curve, or megabytes: it is done apart from the threads that serve the network.
    Heavy,
}

/// A call that a service of the type `S` answers.
pub trait ServedBy<S>: Call {
    /// Has `service` answer.
    fn serve(self, service: &S) -> impl Future<Output = Answered<Self>> + Send;
}

/// Told of every call of a contract, by the function that stands beside the contract's trait.
pub trait Registry<S> {
    /// There is this call.
    fn register<C: ServedBy<S>>(&mut self);
}

/// Every contract of a node.
pub trait Contracts:
    ChainContract
    + RecordContract
    + ConsentContract
    + SearchContract
    + TraceContract
    + PrivateChainContract
    + MailboxContract
{
}

impl<S> Contracts for S where
    S: ChainContract
        + RecordContract
        + ConsentContract
        + SearchContract
        + TraceContract
        + PrivateChainContract
        + MailboxContract
{
}

/// Tells `registry` of every call of a node.
pub fn register<S: Contracts>(registry: &mut impl Registry<S>) {
    chain::register(registry);
    record::register(registry);
    consent::register(registry);
    search::register(registry);
    trace::register(registry);
    private_chain::register(registry);
    mailbox::register(registry);
}

/// `Send` where there are threads; a browser's futures are not.
#[cfg(not(target_family = "wasm"))]
pub trait Threaded: Send {}
#[cfg(not(target_family = "wasm"))]
impl<T: Send + ?Sized> Threaded for T {}

/// `Send` where there are threads; a browser's futures are not.
#[cfg(target_family = "wasm")]
pub trait Threaded {}
#[cfg(target_family = "wasm")]
impl<T: ?Sized> Threaded for T {}

/// Carries a call to a node and its answer back.
pub trait Transport {
    /// Makes `call` and waits for the answer.
    ///
    /// # Errors
    /// [`CallError`]: the node's refusal, or why it could not be reached.
    fn call<C: Call>(&self, call: C) -> impl Future<Output = Answered<C>> + Threaded;
}

/// Part of a listing.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
#[schemars(rename = "{T}Page")]
pub struct Page<T> {
    /// The entries, in the order in which they came onto the chain.
    #[schemars(length(max = PAGE_MAX))]
    pub entries: Vec<T>,
    /// How many there are in all.
    pub total: u32,
}

/// Bytes of an answer of known, small size: a receipt, a status, a hash or two.
pub(crate) const ANSWER_SMALL: usize = 1024 * 1024;
/// Bytes of the largest answer in JSON: a full block.
pub(crate) const ANSWER_LARGE: usize = 64 * 1024 * 1024;
/// Bytes of a body that holds ids, hashes or trapdoors.
pub(crate) const BODY_SMALL: usize = 256 * 1024;
