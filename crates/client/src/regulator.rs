//! A regulator, who opens the identity behind a pseudonym with others: docs/PROTOCOL.md 4.2.
//!
//! ```text
//! ask      evidence of the visit, from the hospital's private chain, checked    -> Case, a file
//! approve  other regulators sign the request                                    -> approvals
//! announce request and approvals come onto the chain
//! part     each looks the line up, proven and final, and only then gives its part, sealed
//! open     the parts are verified and put together                              -> PK_a
//! ```

use std::collections::BTreeMap;

use rand_core::CryptoRng;
use yilian_crypto::{
    pre::HolderIndex,
    pseudonym::{EscrowPart, Nym, ProvenEscrow, RegulatorShare, combine},
    seed::{MemberKeys, Seed},
};
use yilian_protocol::{
    CertificateId, DisclosureId, Height, MemberId, TimeMs,
    call::Transport,
    codec::{List, Text},
    disclosure::{Approval, Disclosure, DisclosureEntry, DisclosurePart, DisclosureRequest},
    evidence::{VisitEntry, VisitEvidence},
    letter::SealedLetter,
    limits::{DISCLOSURE_MS, NAME_MAX, REASON_MAX},
    private_chain::PrivateEntry,
    receipt::Receipt,
    refusal::Refusal,
    registry::{Certificate, Role},
    tx::Body,
};

use crate::{ClientError, Session, people::own_keys};

/// What regulators pass on among them: whose identity is asked for, and the hospital's evidence.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What is asked.
    pub request: DisclosureRequest,
    /// What the hospital keeps of the visit.
    pub evidence: VisitEvidence,
}

/// A patient's root key, as regulators find it in an escrow. It is the same in the escrow of every
/// visit of the patient, and tells nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct Identity(#[serde(serialize_with = "in_hex")] [u8; 48]);

fn in_hex<S: serde::Serializer>(bytes: &[u8; 48], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

impl std::fmt::Display for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// A certified regulator with his keys.
#[derive(Debug)]
pub struct Regulator {
    keys: MemberKeys,
    certificate: CertificateId,
    member: MemberId,
}

impl Regulator {
    /// The regulator whose keys come from `seed` and were certified as `certificate`.
    ///
    /// # Errors
    /// [`ClientError::NotForMe`] when the certificate is for other keys.
    pub fn new(seed: &Seed, certificate: &Certificate) -> Result<Self, ClientError> {
        Ok(Self {
            keys: own_keys(seed, certificate)?,
            certificate: certificate.id(),
            member: certificate.member,
        })
    }

    /// Asks who is behind `nym`. The evidence is looked for in the private chain of the hospital,
    /// whose node `session` has to reach, and checked. Nobody looks for it who is no regulator.
    ///
    /// # Errors
    /// [`Refusal::RoleNotAllowed`] to who is none, or the rule by which he does not stand well;
    /// [`ClientError::NoEvidence`] when the private chain has none, or what is wrong with it.
    pub async fn ask<T: Transport>(
        &self,
        session: &Session<T>,
        nym: Nym,
        (case, reason): (Text<NAME_MAX>, Text<REASON_MAX>),
        now: TimeMs,
    ) -> Result<Case, ClientError> {
        let at = session.time_to_sign(now).await?;
        acting(session, self.certificate, at).await?;
        let evidence = evidence(session, &nym).await?;
        let case = Case {
            request: DisclosureRequest {
                nym,
                case,
                reason,
                by: self.certificate,
                member: self.member,
                at,
            },
            evidence,
        };
        case.escrow(session).await?;
        Ok(case)
    }

    /// Approves of what another regulator asks, when that is whole: the evidence is of the visit,
    /// who asks is a regulator in good standing, and the request is fresh.
    ///
    /// # Errors
    /// What is wrong with it.
    pub async fn approve<T: Transport>(
        &self,
        session: &Session<T>,
        case: &Case,
        now: TimeMs,
    ) -> Result<Approval, ClientError> {
        case.escrow(session).await?;
        let now = session.time_to_sign(now).await?;
        case.request.is_fresh(now)?;
        acting(session, case.request.by, now).await?;
        let own = (self.certificate, self.member);
        let approval = Approval::sign(session.chain(), &case.request, own, &self.keys.signing);
        Ok(approval)
    }

    /// Puts what he asked onto the chain, with the others' approvals.
    ///
    /// # Errors
    /// The rule by which the ledger refuses.
    pub async fn announce<T: Transport>(
        &self,
        session: &Session<T>,
        case: &Case,
        approvals: Vec<Approval>,
    ) -> Result<Receipt, ClientError> {
        let body = Body::Disclose(Disclosure {
            request: case.request.clone(),
            approvals: List::new(approvals)?,
        });
        session.order(body, &self.keys.signing).await
    }

    /// His part, sealed to the regulator who asked. It is given when the request stands on the
    /// chain, and not before; of what he asked or approved himself, and of nothing else; to who may
    /// act still, within a month.
    ///
    /// # Errors
    /// [`ClientError::NotDisclosed`] when it does not stand, [`ClientError::NotMyCase`] when he had
    /// no part in it; else what is wrong with the evidence, with the share, or with who asks.
    pub async fn part<T: Transport>(
        &self,
        session: &Session<T>,
        case: &Case,
        share: &RegulatorShare,
        now: TimeMs,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedLetter<DisclosurePart>, ClientError> {
        let line = case.line(session).await?;
        self.is_of(&line.disclosure)?;
        let now = session.time_to_sign(now).await?;
        if now >= line.admitted.time.plus_ms(DISCLOSURE_MS) {
            return Err(Refusal::StaleRequest.into());
        }
        for regulator in [line.disclosure.request.by, self.certificate] {
            acting(session, regulator, now).await?;
        }
        share.verify(&session.genesis().regulators.regulators())?;
        let escrow = case.escrow(session).await?;
        let id = line.disclosure.request.id();
        let of = (session.chain(), id);
        let signs = (self.certificate, &self.keys.signing);
        let part = DisclosurePart::make(of, &escrow, share, signs, rng);
        let asks = line.disclosure.request.by;
        let key = session.certificate(asks).await?.certificate.kem;
        Ok(SealedLetter::seal(&part, (asks, &key), rng)?)
    }

    /// Who was there, out of the parts that others gave. Parts that are wrong are passed over while
    /// enough others are right.
    ///
    /// # Errors
    /// [`ClientError::NotDisclosed`] when the request does not stand on the chain. When too few
    /// parts are right: what is wrong with the first that is not, where
    /// [`ClientError::WrongPart`] names a regulator whose part is not of his share and
    /// [`ClientError::ForeignPart`] nobody; or [`ClientError::TooFewParts`].
    pub async fn open<T: Transport>(
        &self,
        session: &Session<T>,
        case: &Case,
        parts: &[SealedLetter<DisclosurePart>],
    ) -> Result<Identity, ClientError> {
        let id = case.line(session).await?.disclosure.request.id();
        let escrow = case.escrow(session).await?;
        let mut good: BTreeMap<HolderIndex, EscrowPart> = BTreeMap::new();
        let mut fault = None;
        for sealed in parts {
            match self.verified(session, (id, &escrow), sealed).await {
                Ok((index, part)) => drop(good.insert(index, part)),
                Err(wrong) => drop(fault.get_or_insert(wrong)),
            }
        }
        let needed = session.genesis().regulators.threshold();
        let found = good.len();
        if found < needed {
            return Err(fault.unwrap_or(ClientError::TooFewParts { found, needed }));
        }
        let good: Vec<_> = good.iter().map(|(index, part)| (*index, part)).collect();
        Ok(Identity(combine(&escrow, &good)?))
    }

    /// Whether he asked or approved. Any member's CA can certify regulators, and these approve of
    /// each other; but without those who hold the shares they open nothing.
    fn is_of(&self, line: &Disclosure) -> Result<(), ClientError> {
        let approved = line.approvals.iter().map(|approval| approval.regulator);
        let mut of = approved.chain([line.request.by]);
        if of.any(|regulator| regulator == self.certificate) {
            return Ok(());
        }
        let disclosure = line.request.id();
        Err(ClientError::NotMyCase { disclosure })
    }

    /// One part, verified; a regulator is named only for what he signed.
    async fn verified<T: Transport>(
        &self,
        session: &Session<T>,
        (id, escrow): (DisclosureId, &ProvenEscrow),
        sealed: &SealedLetter<DisclosurePart>,
    ) -> Result<(HolderIndex, EscrowPart), ClientError> {
        let part = session.unseal(sealed, self.certificate, &self.keys.kem)?;
        let regulator = part.regulator;
        let gives = session.certificate(regulator).await?.certificate;
        let signed = part.verify_signature(&gives.signing).is_ok();
        if part.disclosure != id || !signed || gives.role != Role::Regulator {
            return Err(ClientError::ForeignPart);
        }
        let verified = part.verify(escrow, &session.genesis().regulators.regulators());
        let (index, part) = verified.map_err(|_| ClientError::WrongPart { regulator })?;
        Ok((index, part.clone()))
    }
}

impl Case {
    /// What is asked.
    #[must_use]
    pub fn id(&self) -> DisclosureId {
        self.request.id()
    }

    /// The request as it stands on the chain, proven and final.
    async fn line<T: Transport>(
        &self,
        session: &Session<T>,
    ) -> Result<DisclosureEntry, ClientError> {
        let disclosure = self.id();
        // Its id is its hash: what stands under it is this request.
        let line = session.find_disclosure(disclosure).await?;
        line.ok_or(ClientError::NotDisclosed { disclosure })
    }

    /// The escrow of the visit that the chain knows under the pseudonym.
    async fn escrow<T: Transport>(
        &self,
        session: &Session<T>,
    ) -> Result<ProvenEscrow, ClientError> {
        let nym = self.request.nym;
        let known = session.find_visit(&nym).await?;
        let known = known.ok_or(Refusal::VisitUnknown)?;
        if self.evidence.binding().visit != known.visit {
            return Err(ClientError::NoEvidence {
                hospital: known.hospital,
            });
        }
        let (chain, key) = (session.chain(), session.genesis().regulators.key);
        Ok(self.evidence.verify(chain, known.hospital, &nym, &key)?)
    }
}

/// That somebody is a regulator in good standing at the time `now`.
async fn acting<T: Transport>(
    session: &Session<T>,
    certificate: CertificateId,
    now: TimeMs,
) -> Result<(), ClientError> {
    let person = session.person(certificate).await?;
    if person.certificate().role != Role::Regulator {
        return Err(Refusal::RoleNotAllowed.into());
    }
    Ok(person.standing(now)?)
}

/// The evidence of a visit, out of its hospital's private chain; not verified, but of the visit
/// that the chain knows. An entry that the ledger refused may say another.
async fn evidence<T: Transport>(
    session: &Session<T>,
    nym: &Nym,
) -> Result<VisitEvidence, ClientError> {
    let known = session.find_visit(nym).await?;
    let VisitEntry { hospital, visit } = known.ok_or(Refusal::VisitUnknown)?;
    let latest = session.log_head(hospital).await?.latest;
    let latest = latest.map_or(0, |header| header.height.get());
    let of_visit = |entries: &[PrivateEntry]| {
        let of_nym = entries.iter().filter(|entry| entry.nym == *nym);
        let mut evidence = of_nym.map(|entry| &entry.evidence);
        evidence
            .find(|evidence| evidence.binding().visit == visit)
            .cloned()
    };
    // The latest visits are asked about most.
    let open = session.log_open(hospital).await?;
    if let Some(found) = of_visit(&open.entries) {
        return Ok(found);
    }
    for height in (1..=latest).rev() {
        let block = session.log_block(hospital, Height::new(height)).await?;
        if let Some(found) = of_visit(&block.entries) {
            return Ok(found);
        }
    }
    Err(ClientError::NoEvidence { hospital })
}
