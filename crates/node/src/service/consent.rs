//! The contract of consent: what key holders do for patients and readers. A call for another
//! node's member is passed on to it.

use std::sync::Arc;

use yilian_crypto::sign::SigningKey;
use yilian_ledger::consent;
use yilian_protocol::{
    call::{
        Answered, AskHolder, CallError, ConsentContract, GetUses, LeaveDeposit, Page,
        Reencapsulate, Vouch,
    },
    grant::{
        GrantState, HolderAsk, SealedDeposit, SealedPartial, SignedAsk, SignedPartial, Use,
        UsesRequest,
    },
    refusal::Refusal,
    state::tables::{CERTIFICATE, GRANT},
    voucher::{VouchRequest, Voucher},
};

use super::{Neighbour, Node, hops, state_error};
use crate::{
    answered::Asked,
    consortium::ConsortiumChain,
    keyholder::{self, Cause},
};

const NOBODY: Refusal = Refusal::NotKeyHolder;

impl<C: ConsortiumChain, N: Neighbour> ConsentContract for Node<C, N> {
    async fn reencapsulate(
        &self,
        Reencapsulate(request): Reencapsulate,
    ) -> Answered<Reencapsulate> {
        let object = self.object_of(request.record).await?;
        let (chain, mut rng) = (self.ledger.chain(), self.chain.rng());
        // Two pairings, 2 ms, for whoever wants them. It goes on when the caller hangs up.
        let place = self.unproven.turning.place().await?;
        let turned = self.chain.apart(move || {
            let _place = place;
            keyholder::reencapsulate_once(chain, &request, &object, &mut rng)
        });
        Ok(turned.await??)
    }

    async fn vouch(&self, Vouch(request): Vouch) -> Answered<Vouch> {
        self.vouch_for(request).await
    }

    async fn deposit(&self, LeaveDeposit(sealed): LeaveDeposit) -> Answered<LeaveDeposit> {
        self.take_deposit(sealed).await
    }

    async fn ask(&self, AskHolder(asked): AskHolder) -> Answered<AskHolder> {
        self.serve(asked).await
    }

    async fn uses(&self, GetUses(request): GetUses) -> Answered<GetUses> {
        self.tell_uses(request).await
    }
}

impl<C: ConsortiumChain, N: Neighbour> Node<C, N> {
    async fn take_deposit(&self, sealed: SealedDeposit) -> Result<(), CallError> {
        let Some(key) = self.identities.key(sealed.holder) else {
            let hops = hops(sealed.hops, NOBODY)?;
            let to = (sealed.holder, hops);
            let passed_on = SealedDeposit { hops, ..sealed };
            return self.pass_on(LeaveDeposit(passed_on), to, NOBODY).await;
        };
        self.health.takes_more(0)?;
        let (chain, now) = (self.ledger.chain(), self.chain.now());
        let (grant, holder) = (sealed.grant, sealed.holder);
        let state = self.fetch(consent::offer_reads(grant)).await?;
        let controller = consent::check_offer(&state, now, (grant, holder));
        let controller = controller.map_err(state_error)??;
        let turn = self.holder.turn(grant, holder).await;
        let keeper = Arc::clone(&self.holder);
        // Thousands of points, and two pairings for each share: up to a second, so not on the
        // threads that serve the network. The turn goes along, and is held when the caller hangs
        // up.
        let opened = self.chain.apart(move || {
            if keeper.opened(&sealed)? {
                return Ok::<_, CallError>(None);
            }
            let deposit = sealed.open(chain, &key, &controller)?;
            Ok(Some((deposit, keyholder::hash_of(&sealed), turn)))
        });
        let Some((deposit, hash, turn)) = opened.await?? else {
            return Ok(());
        };
        let state = self.fetch(consent::deposit_reads(&deposit)).await?;
        let keeper = Arc::clone(&self.holder);
        let kept = self.chain.apart(move || {
            consent::check_deposit(&state, chain, now, &deposit).map_err(state_error)??;
            keeper.keep(&deposit, hash)?;
            drop(turn);
            Ok::<_, CallError>(())
        });
        kept.await??;
        // Revoked in the meantime: the block that says so may have been followed already.
        let entry = self.entry(GRANT, grant.as_bytes(), "grant").await?;
        if entry.state == GrantState::Revoked {
            let keeper = Arc::clone(&self.holder);
            self.chain
                .apart(move || keeper.erase(grant, holder, Cause::Revoked))
                .await??;
            return Err(Refusal::GrantRevoked.into());
        }
        Ok(())
    }

    /// An ask, opened with the key of its holder's node. X-Wing: 0.2 ms, spent on a stranger, too,
    /// also when he hangs up. What comes next costs nothing but look-ups until his signature is
    /// verified.
    async fn opened(
        &self,
        asked: HolderAsk,
        key: SigningKey,
    ) -> Result<(SignedAsk, SigningKey), CallError> {
        let chain = self.ledger.chain();
        let place = self.unproven.asks.place().await?;
        let opened = self.chain.apart(move || {
            let _place = place;
            asked.open(chain, &key).map(|ask| (ask, key))
        });
        Ok(opened.await??)
    }

    async fn serve(&self, asked: HolderAsk) -> Result<SealedPartial, CallError> {
        let holder = asked.holder;
        let Some(key) = self.identities.key(holder) else {
            let hops = hops(asked.hops, NOBODY)?;
            let passed_on = HolderAsk { hops, ..asked };
            return self
                .pass_on(AskHolder(passed_on), (holder, hops), NOBODY)
                .await;
        };
        let (chain, now) = (self.ledger.chain(), self.chain.now());
        let (ask, key) = self.opened(asked, key).await?;
        let grant = ask.ask.grant;
        let reader = self.read(CERTIFICATE, ask.ask.reader.as_bytes()).await?;
        let member = reader.map_or(holder, |reader| reader.certificate.member);
        let state = self.fetch(consent::check_reads(&ask, member)).await?;
        consent::check_asker(&state, chain, holder, now, &ask).map_err(state_error)??;
        let keeper = Arc::clone(&self.holder);
        let deposit = self
            .chain
            .apart(move || keeper.deposit(grant, holder))
            .await??;
        let terms = deposit.as_deref().map(|deposit| &deposit.terms);
        let consent = consent::check(&state, chain, holder, now, terms, &ask);
        let (consent, deposit) = (
            consent.map_err(state_error)??,
            deposit.ok_or(Refusal::NotKeyHolder)?,
        );
        let asked = Asked {
            at: ask.ask.asked_at,
            digest: ask.digest(chain),
            holder,
            reader: ask.ask.reader,
        };
        if let Some(answer) = self.answered.made(now, &asked)? {
            return Ok(answer);
        }
        let object = self.object_of(ask.ask.record).await?;
        let usage = Use {
            record: ask.ask.record,
            reader: ask.ask.reader,
            purpose: ask.ask.purpose,
            at: now,
        };
        let (keeper, answered) = (Arc::clone(&self.holder), Arc::clone(&self.answered));
        let mut rng = self.chain.rng();
        // Noted and remembered on one thread, which goes on when the caller hangs up.
        let make = move || {
            let served = keeper.serve(
                chain,
                &consent,
                &deposit,
                &object,
                (&usage, &asked),
                &mut rng,
            )??;
            let parts = (served.partial, served.secret);
            let signed = SignedPartial::sign(chain, &ask, holder, parts, &key);
            let reader = consent.sealed_to();
            Ok(SealedPartial::seal(chain, &ask, &signed, reader, &mut rng)?)
        };
        let sealed = self.chain.apart(move || answered.once(now, asked, make));
        sealed.await?
    }

    async fn vouch_for(&self, request: VouchRequest) -> Result<Voucher, CallError> {
        let holder = request.holder;
        let Some(key) = self.identities.key(holder) else {
            let hops = hops(request.hops, NOBODY)?;
            let passed_on = VouchRequest { hops, ..request };
            return self.pass_on(Vouch(passed_on), (holder, hops), NOBODY).await;
        };
        let grant = request.grant;
        let epochs = self.ledger.genesis().governance.epoch_blocks;
        let epoch = epochs.epoch_of(self.chain.latest().height.next());
        let state = self.fetch(consent::vouch_reads(&grant, holder)).await?;
        let now = self.chain.now();
        consent::check_vouch(&state, now, epoch, (&grant, holder)).map_err(state_error)??;
        let chain = self.ledger.chain();
        Ok(Voucher::sign(chain, (holder, &key), epoch, &grant))
    }

    async fn tell_uses(&self, request: UsesRequest) -> Result<Page<Use>, CallError> {
        let (grant, holder, from) = (request.grant, request.holder, request.from);
        if self.identities.key(holder).is_none() {
            let hops = hops(request.hops, NOBODY)?;
            let passed_on = UsesRequest { hops, ..request };
            return self
                .pass_on(GetUses(passed_on), (holder, hops), NOBODY)
                .await;
        }
        let state = self.fetch(consent::uses_reads(&request)).await?;
        let chain = self.ledger.chain();
        consent::check_uses(&state, chain, self.chain.now(), &request).map_err(state_error)??;
        let keeper = Arc::clone(&self.holder);
        Ok(self
            .chain
            .apart(move || keeper.uses(grant, holder, from))
            .await??)
    }
}
