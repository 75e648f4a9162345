//! The contract of mailboxes: letters are kept for who has the key, and taken for a stamp. A call
//! for another node's member is passed on to it.
//!
//! What a stranger may learn is the same for every mailbox: that his stamp is none. That there is
//! no room is told to who has a stamp, and not of what there is none.

use std::sync::Arc;

use yilian_crypto::{hash::hash, label, stamp::StampSecret};
use yilian_protocol::{
    MemberId,
    call::{
        Answered, CallError, Deliver, DiscardMail, FetchMail, GetStamps, MailboxContract, Page,
    },
    limits::{CLOCK_SKEW_MS, STAMPS_OF_PERSON_MAX, STAMPS_OF_VISIT_MAX},
    mailbox::{Delivery, DiscardRequest, FetchRequest, KeptMail},
    refusal::Refusal,
    stamp::{BlindSigned, StampAsker, StampsRequest},
    state::tables::{MEMBER, VISIT},
};

use super::{Neighbour, Node, hops};
use crate::{consortium::ConsortiumChain, mailbox::MailStore};

const NOBODY: Refusal = Refusal::NotKeeper;

impl<C: ConsortiumChain, N: Neighbour> MailboxContract for Node<C, N> {
    async fn deliver(&self, Deliver(delivery): Deliver) -> Answered<Deliver> {
        self.take_letter(delivery).await
    }

    async fn fetch(&self, FetchMail(request): FetchMail) -> Answered<FetchMail> {
        self.tell_letters(request).await
    }

    async fn discard(&self, DiscardMail(request): DiscardMail) -> Answered<DiscardMail> {
        self.delete_letters(request).await
    }

    async fn stamps(&self, GetStamps(request): GetStamps) -> Answered<GetStamps> {
        self.make_stamps(request).await
    }
}

impl<C: ConsortiumChain, N: Neighbour> Node<C, N> {
    async fn take_letter(&self, delivery: Delivery) -> Result<(), CallError> {
        if !self.keeps(delivery.keeper) {
            let hops = hops(delivery.hops, NOBODY)?;
            let to = (delivery.keeper, hops);
            let passed_on = Delivery { hops, ..delivery };
            return self.pass_on(Deliver(passed_on), to, NOBODY).await;
        }
        self.health.takes_more(0)?;
        let (chain, now) = (self.ledger.chain(), self.chain.now());
        let (stamp, id) = (&delivery.stamp, delivery.id());
        stamp.day.is_good(now)?;
        stamp.is_for(chain, delivery.keeper, id)?;
        let issuer = self.read(MEMBER, stamp.issuer.as_bytes()).await?;
        let issuer = issuer.ok_or(Refusal::MemberUnknown)?;
        issuer.may_act()?;
        // Two pairings, for whoever makes up a serial, and a synced file. It goes on when the
        // caller hangs up.
        let place = self.unproven.mail.place().await?;
        let taken = self.mail(move |store| {
            let stamp = &delivery.stamp;
            match store.used(stamp.day, &stamp.serial)? {
                Some(used) if used == id => return Ok(()),
                Some(_) => return Err(Refusal::StampSpent.into()),
                None => {}
            }
            let key = issuer.member.stamp.decode();
            stamp.is_of(chain, &key.map_err(|_| Refusal::StampInvalid)?)?;
            drop(place);
            Ok(store.take(&delivery, now)??)
        });
        taken.await
    }

    async fn tell_letters(&self, request: FetchRequest) -> Result<Page<KeptMail>, CallError> {
        if !self.keeps(request.keeper) {
            let hops = hops(request.hops, NOBODY)?;
            let to = (request.keeper, hops);
            let passed_on = FetchRequest { hops, ..request };
            return self.pass_on(FetchMail(passed_on), to, NOBODY).await;
        }
        request.verify(self.ledger.chain())?;
        let now = self.chain.now();
        self.proofs
            .spend(now, request.asked_at, &request.signature)?;
        let FetchRequest {
            keeper,
            mailbox,
            after,
            ..
        } = request;
        let told = self.mail(move |store| Ok(store.fetch(keeper, &mailbox, after, now)?));
        told.await
    }

    /// A request that is repeated deletes nothing more: a letter comes once.
    async fn delete_letters(&self, request: DiscardRequest) -> Result<(), CallError> {
        if !self.keeps(request.keeper) {
            let hops = hops(request.hops, NOBODY)?;
            let to = (request.keeper, hops);
            let passed_on = DiscardRequest { hops, ..request };
            return self.pass_on(DiscardMail(passed_on), to, NOBODY).await;
        }
        request.verify(self.ledger.chain())?;
        if request.asked_at.distance_ms(self.chain.now()) > CLOCK_SKEW_MS {
            return Err(Refusal::StaleRequest.into());
        }
        let deleted = self.mail(move |store| {
            Ok(store.discard(request.keeper, &request.mailbox, &request.letters)?)
        });
        deleted.await
    }

    async fn make_stamps(&self, request: StampsRequest) -> Result<BlindSigned, CallError> {
        let issuer = request.issuer;
        let Some(key) = self.identities.key(issuer) else {
            let hops = hops(request.hops, NOBODY)?;
            let passed_on = StampsRequest { hops, ..request };
            return self
                .pass_on(GetStamps(passed_on), (issuer, hops), NOBODY)
                .await;
        };
        let chain = self.ledger.chain();
        request.day.is_today(self.chain.now())?;
        if request.blinded.is_empty() {
            return Err(Refusal::Malformed.into());
        }
        let max = self.may_ask(&request).await?;
        // A signature that may be none, and up to 32 powers, which the same question costs again,
        // whoever caught it.
        let place = self.unproven.mail.place().await?;
        let made = self.mail(move |store| {
            let _place = place;
            if matches!(request.asker, StampAsker::Visit(_)) {
                request.verify(chain, None)?;
            }
            let words: [&[u8]; 2] = [label::call::STAMPS, &request.signed(chain)];
            let digest = hash(label::CALL_SIGNATURE, &words);
            let count = u8::try_from(request.blinded.len()).unwrap_or(u8::MAX);
            let of = (request.day, issuer, &request.asker);
            store.count_stamps(of, digest, count, max)??;
            Ok(request.answer(chain, &StampSecret::of_node(&key))?)
        });
        made.await
    }

    /// How many stamps a day are made for who asks: one of the member's people in good standing,
    /// whose signature is verified, or the patient of a visit that it sealed, whose signature takes
    /// longer, and is still to be.
    async fn may_ask(&self, request: &StampsRequest) -> Result<u32, CallError> {
        match &request.asker {
            StampAsker::Person(certificate) => {
                let person = self.person(*certificate).await?;
                if person.certificate().member != request.issuer {
                    return Err(Refusal::ForeignMember.into());
                }
                let chain = self.ledger.chain();
                request.verify(chain, Some(&person.certificate().signing))?;
                person.standing(self.chain.now())?;
                Ok(STAMPS_OF_PERSON_MAX)
            }
            StampAsker::Visit(nym) => {
                self.may_act(request.issuer).await?;
                let sealed = self.read(VISIT, &nym.to_bytes()).await?;
                match sealed.is_some_and(|visit| visit.hospital == request.issuer) {
                    true => Ok(STAMPS_OF_VISIT_MAX),
                    false => Err(Refusal::ForeignVisit.into()),
                }
            }
        }
    }

    /// Whether this node keeps the mailboxes of `member`: its own, unless a hub does, or one whose
    /// hub it is.
    fn keeps(&self, member: MemberId) -> bool {
        let is_own = self.identities.key(member).is_some();
        self.neighbours.keeps_mail(member, is_own)
    }

    /// Does something with the mailboxes, apart from the threads that serve the network.
    async fn mail<R: Send + 'static>(
        &self,
        work: impl FnOnce(&MailStore) -> Result<R, CallError> + Send + 'static,
    ) -> Result<R, CallError> {
        let store = Arc::clone(&self.mail);
        self.chain.apart(move || work(&store)).await?
    }
}
