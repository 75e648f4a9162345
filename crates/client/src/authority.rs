//! Those who say who is who: the consortium's CA, and each member's.

use yilian_crypto::{
    seed::{MemberKeys, Seed},
    sign::{SigningKey, VerifyingKey},
};
use yilian_protocol::{
    CertificateId, MemberId, PersonId, TimeMs,
    call::Transport,
    codec::Text,
    governance::{Ballot, BallotChoice, Candidacy},
    limits::{NAME_MAX, PASS_DAYS_MAX, REASON_MAX},
    receipt::Receipt,
    refusal::Refusal,
    registry::{Certificate, Member, Motion, NodeKeys, Revocation, Role, Vote},
    trace::{AuthorPass, TraceAction},
    tx::Body,
};

use crate::{
    ClientError, Session,
    calendar::{day_of, days_after},
    trace::{PassKey, PassRequest},
};

/// Days of a certificate, unless somebody says otherwise.
pub const CERTIFICATE_DAYS: u64 = 365;
/// How many passes are issued, unless somebody says otherwise: each append uses one.
pub const PASSES: usize = 50;
/// Whole days of passes, unless somebody says otherwise.
pub const PASS_DAYS: u64 = 7;

/// When passes end that begin with the day of `now` and are good for `days` whole days behind it,
/// as many as are allowed.
#[must_use]
pub fn passes_end(now: TimeMs, days: u64) -> TimeMs {
    days_after(now, days.clamp(1, PASS_DAYS_MAX - 1) + 1)
}

/// The consortium's CA: admits members.
#[derive(Debug)]
pub struct ConsortiumCa {
    key: SigningKey,
}

impl ConsortiumCa {
    /// Acts with `key`, whose public half stands in the genesis.
    #[must_use]
    pub const fn new(key: SigningKey) -> Self {
        Self { key }
    }

    /// Issues passes for the keys of `request`, whose sender must be certified, in good standing
    /// and of a role that handles medicines. They begin and end with a day (UTC), so that passes of
    /// one issue are not known by their moment.
    ///
    /// # Errors
    /// The rule by which the sender may have none.
    pub async fn issue_passes<T: Transport>(
        &self,
        session: &Session<T>,
        request: &PassRequest,
        now: TimeMs,
        until: TimeMs,
    ) -> Result<Vec<AuthorPass>, ClientError> {
        let person = session.person(request.certificate).await?;
        person.standing(now)?;
        let certificate = person.certificate();
        let role = certificate.role;
        if !TraceAction::ALL
            .iter()
            .any(|action| action.is_open_to(role))
        {
            return Err(Refusal::RoleNotAllowed.into());
        }
        request.verify(session.chain(), &certificate.signing)?;
        let from = day_of(now);
        let until = day_of(until.min(certificate.valid_until));
        if until <= now {
            return Err(Refusal::CertificateExpired.into());
        }
        let chain = session.chain();
        let issue = |key: &PassKey| AuthorPass::issue(chain, key.0, role, from, until, &self.key);
        Ok(request.keys.iter().map(issue).collect())
    }

    /// Admits `member`.
    ///
    /// # Errors
    /// When the ledger refuses, as for a member that exists.
    pub async fn admit<T: Transport>(
        &self,
        session: &Session<T>,
        member: Member,
    ) -> Result<Receipt, ClientError> {
        session.order(Body::Admit(member), &self.key).await
    }
}

/// A member organisation's CA: certifies its people, and takes certificates back.
#[derive(Debug)]
pub struct MemberCa {
    key: SigningKey,
    member: Member,
}

impl MemberCa {
    /// The CA of the organisation `name`, whose node has the keys of `node`.
    #[must_use]
    pub fn new(key: SigningKey, name: Text<NAME_MAX>, node: NodeKeys) -> Self {
        let member = Member {
            name,
            ca: key.verifying_key(),
            node: node.signing,
            kem: node.kem,
            stamp: node.stamp,
        };
        Self { key, member }
    }

    /// The organisation, as it is admitted.
    #[must_use]
    pub const fn member(&self) -> &Member {
        &self.member
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> MemberId {
        self.member.id()
    }

    /// Votes on a motion about another member, as it stands now; or takes the vote back.
    ///
    /// # Errors
    /// The rule by which the ledger refuses.
    pub async fn vote<T: Transport>(
        &self,
        session: &Session<T>,
        motion: Motion,
        subject: MemberId,
        favour: bool,
    ) -> Result<Receipt, ClientError> {
        let vote = Vote {
            subject,
            motion,
            round: session.member(subject).await?.decisions,
            voter: self.id(),
            favour,
            sequence: session.cast(self.id()).await?,
        };
        session.order(Body::Vote(vote), &self.key).await
    }

    /// Stands one of the member's nodes for election, or withdraws it, as the node consented to.
    ///
    /// # Errors
    /// The rule by which the ledger refuses.
    pub async fn stand<T: Transport>(
        &self,
        session: &Session<T>,
        candidacy: Candidacy,
    ) -> Result<Receipt, ClientError> {
        session.order(Body::Stand(candidacy), &self.key).await
    }

    /// Votes for a candidate in place of the one voted for before, or takes the vote back.
    ///
    /// # Errors
    /// The rule by which the ledger refuses.
    pub async fn elect<T: Transport>(
        &self,
        session: &Session<T>,
        candidate: Option<VerifyingKey>,
    ) -> Result<Receipt, ClientError> {
        let ballot = Ballot {
            voter: self.id(),
            candidate: candidate.map(BallotChoice),
            sequence: session.cast(self.id()).await?,
        };
        session.order(Body::Elect(ballot), &self.key).await
    }

    /// A certificate for the person called `subject`, whose keys come from `seed`. Whom it is about
    /// follows from the name, unless [`Certificate::person`] is set: two of one name would be one.
    #[must_use]
    pub fn certificate(
        &self,
        subject: Text<NAME_MAX>,
        role: Role,
        seed: &Seed,
        valid_from: TimeMs,
        valid_until: TimeMs,
    ) -> Certificate {
        let keys = MemberKeys::from_seed(seed);
        Certificate {
            person: PersonId::of(subject.as_str()),
            subject,
            member: self.id(),
            role,
            signing: keys.signing.verifying_key(),
            delegatee: keys.delegatee.public(),
            writer: keys.writer.public(),
            kem: keys.kem.public().clone(),
            valid_from,
            valid_until,
        }
    }

    /// Registers `certificate`.
    ///
    /// # Errors
    /// When the ledger refuses.
    pub async fn certify<T: Transport>(
        &self,
        session: &Session<T>,
        certificate: Certificate,
    ) -> Result<CertificateId, ClientError> {
        let id = certificate.id();
        let body = Body::Certify(certificate);
        session.order(body, &self.key).await?;
        Ok(id)
    }

    /// Revokes `certificate`, for the `reason` given.
    ///
    /// # Errors
    /// When the ledger refuses.
    pub async fn revoke<T: Transport>(
        &self,
        session: &Session<T>,
        certificate: CertificateId,
        reason: Text<REASON_MAX>,
    ) -> Result<Receipt, ClientError> {
        let body = Body::Revoke(Revocation {
            member: self.id(),
            certificate,
            reason,
        });
        session.order(body, &self.key).await
    }
}
