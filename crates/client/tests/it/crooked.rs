//! A connection that bends what an honest node answers.

use std::{
    any::Any,
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use yilian_client::Session;
use yilian_crypto::search::{Address, MaskedPointer};
use yilian_node::service::InProcess;
use yilian_protocol::{
    MemberId, RecordId, StateKey, TimeMs,
    call::{
        Answered, Call, CallError, Cross, DiscardMail, FetchMail, GetObject, GetStamps, GetStatus,
        LookUp, Page, Prove, Submit, Transport, Vouch,
    },
    mailbox::KeptMail,
    refusal::Refusal,
    search::{Found, Pointer, Pointers},
    stamp::StampAsker,
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
    /// The time that the node says it is, by its clock and by its latest block.
    pub time: Option<TimeMs>,
    /// Whether questions for proven values are refused, by the node's word.
    pub unproven: bool,
    /// How searches are answered.
    pub search: Option<SearchLie>,
    /// The address at which an entry was invented.
    pub invented: Option<Address>,
    /// The call whose next answers are lost on their way, and how many; the node has it all the
    /// same.
    pub lost: Option<(&'static str, usize)>,
    /// The call whose answer is lost, and after which nothing comes through.
    pub cut: Option<&'static str>,
    /// The call whose next one hangs on its way: nobody has it yet, and its sender gets no answer.
    pub hangs: Option<&'static str>,
    /// Whether it was lost.
    pub dead: bool,
    /// How many letters more the node counts in a mailbox than it hands out.
    pub held_back: u32,
    /// When mailboxes were asked for, as it stands in the questions.
    pub asked: Vec<TimeMs>,
    /// The members whose nodes were asked for stamps.
    pub stamped: Vec<MemberId>,
    /// Who asked for them.
    pub askers: Vec<StampAsker>,
    /// The names of all calls that were made.
    pub calls: Vec<&'static str>,
    /// The keys of the state that were asked for.
    pub proven: Vec<StateKey>,
    /// The transactions that were submitted.
    pub submitted: Vec<Vec<u8>>,
}

impl Bends {
    /// Whether the answer to a call is lost.
    fn loses(&mut self, name: &str) -> bool {
        match &mut self.lost {
            Some((lost, left)) if *lost == name && *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

fn gone(message: &str) -> CallError {
    let message = message.to_owned();
    CallError::Unreachable { message }
}

/// A lie about what an index holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchLie {
    /// Every entry leads to this record.
    Leads(RecordId),
    /// Every entry is 40 bytes that open to nothing.
    Junk,
    /// One entry stands where none is, and opens to nothing.
    Invented,
    /// No record has the other words.
    Lacking,
}

/// Opens to nothing, whatever the key.
const JUNK: Pointer = Pointer(MaskedPointer::from_bytes([7; 40]));

impl SearchLie {
    fn bend<C: Call>(self, call: &C, answer: &mut dyn Any, invented: &mut Option<Address>) {
        if let Some(found) = answer.downcast_mut::<Vec<Found>>() {
            let records = found.iter_mut().flat_map(|found| &mut found.records);
            for record in records {
                *record = match self {
                    Self::Leads(other) => Some(other),
                    Self::Junk => None,
                    Self::Invented | Self::Lacking => *record,
                };
            }
        } else if let Some(LookUp(request)) = seen(call) {
            let pointers: &mut Pointers = answer.downcast_mut().unwrap();
            for (address, pointer) in request.addresses.iter().zip(&mut pointers.0) {
                let free = pointer.is_none();
                let here = invented.is_none_or(|invented| invented == *address);
                if self == Self::Invented && free && here {
                    *invented = Some(*address);
                    *pointer = Some(JUNK);
                } else if self == Self::Junk && !free {
                    *pointer = Some(JUNK);
                }
            }
        } else if seen::<Cross>(call).is_some() && self == Self::Lacking {
            let has: &mut Vec<bool> = answer.downcast_mut().unwrap();
            has.fill(false);
        }
    }
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

    /// Notes what a node would learn of a call.
    fn note<C: Call>(&self, call: &C) {
        let mut bends = self.bends();
        let fetched = seen(call).map(|FetchMail(request)| request.asked_at);
        let deleted = seen(call).map(|DiscardMail(request)| request.asked_at);
        bends.asked.extend(fetched.or(deleted));
        if let Some(GetStamps(request)) = seen(call) {
            bends.stamped.push(request.issuer);
            bends.askers.push(request.asker.clone());
        }
        if let Some(Prove(keys)) = seen(call) {
            bends.proven.extend(keys.iter().copied());
        }
        if let Some(Submit(transaction)) = seen(call) {
            bends.submitted.push(transaction.0.clone());
        }
    }
}

impl Transport for Crooked {
    async fn call<C: Call>(&self, call: C) -> Answered<C> {
        self.bends().calls.push(C::ROW.name);
        if self.bends().dead {
            return Err(gone("no connection"));
        }
        self.note(&call);
        if let Some(GetObject { id }) = seen(&call) {
            let bent = self.bends().objects.get(id).copied();
            return match bent {
                Some(None) => Err(CallError::not_found("object")),
                Some(Some(id)) => self.honest.call(GetObject { id }).await.map(said::<C>),
                None => self.honest.call(call).await,
            };
        }
        if seen::<GetStatus>(&call).is_some() {
            let mut status = self.honest.call(GetStatus {}).await?;
            if let Some(time) = self.bends().time {
                (status.clock, status.latest.time) = (time, time);
            }
            return Ok(said::<C>(status));
        }
        if seen::<Prove>(&call).is_some() && self.bends().unproven {
            let rule = Refusal::CertificateUnknown;
            return Err(CallError::Refused { rule });
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
        if self.bends().hangs == Some(C::ROW.name) {
            self.bends().hangs = None;
            return Err(gone("no answer came"));
        }
        let answer = self.honest.call(call.clone()).await;
        let mut bends = self.bends();
        bends.dead = bends.cut == Some(C::ROW.name);
        if bends.dead || bends.loses(C::ROW.name) {
            return Err(gone("the answer is lost"));
        }
        let mut answer = answer?;
        if let Some(lie) = bends.search {
            lie.bend(&call, &mut answer, &mut bends.invented);
        }
        let answered: &mut dyn Any = &mut answer;
        if let Some(page) = answered.downcast_mut::<Page<KeptMail>>() {
            page.total += bends.held_back;
        }
        Ok(answer)
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
