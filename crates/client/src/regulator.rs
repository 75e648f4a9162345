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
    evidence::VisitEvidence,
    letter::SealedLetter,
    limits::{NAME_MAX, REASON_MAX},
    receipt::Receipt,
    refusal::Refusal,
    registry::{Certificate, Role},
    tx::Body,
};

use crate::{ClientError, Session};

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
        let keys = MemberKeys::from_seed(seed);
        let mine = keys.signing.verifying_key() == certificate.signing
            && *keys.kem.public() == certificate.kem;
        if !mine {
            return Err(ClientError::NotForMe {
                reader: certificate.id(),
            });
        }
        Ok(Self {
            keys,
            certificate: certificate.id(),
            member: certificate.member,
        })
    }

    /// Asks who is behind `nym`. The evidence is looked for in the private chain of the hospital,
    /// whose node `session` has to reach, and checked.
    ///
    /// # Errors
    /// [`ClientError::NoEvidence`] when the private chain has none, or what is wrong with it.
    pub async fn ask<T: Transport>(
        &self,
        session: &Session<T>,
        nym: Nym,
        (case, reason): (Text<NAME_MAX>, Text<REASON_MAX>),
        now: TimeMs,
    ) -> Result<Case, ClientError> {
        let evidence = evidence(session, &nym).await?;
        let case = Case {
            request: DisclosureRequest {
                nym,
                case,
                reason,
                by: self.certificate,
                member: self.member,
                at: session.time_to_sign(now).await?,
            },
            evidence,
        };
        case.escrow(session).await?;
        Ok(case)
    }

    /// Approves of what another regulator asks.
    #[must_use]
    pub fn approve<T: Transport>(&self, session: &Session<T>, case: &Case) -> Approval {
        let own = (self.certificate, self.member);
        Approval::sign(session.chain(), &case.request, own, &self.keys.signing)
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
    /// chain, and not before.
    ///
    /// # Errors
    /// [`ClientError::NotDisclosed`] when it does not; else what is wrong with the evidence, or
    /// with the share.
    pub async fn part<T: Transport>(
        &self,
        session: &Session<T>,
        case: &Case,
        share: &RegulatorShare,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedLetter<DisclosurePart>, ClientError> {
        let line = case.line(session).await?;
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

    /// Who was there, out of the parts that others gave.
    ///
    /// # Errors
    /// [`ClientError::NotDisclosed`] when the request does not stand on the chain,
    /// [`ClientError::WrongPart`] names a regulator whose part is not of his share,
    /// [`ClientError::ForeignPart`] when nobody is to blame, [`ClientError::TooFewParts`].
    pub async fn open<T: Transport>(
        &self,
        session: &Session<T>,
        case: &Case,
        parts: &[SealedLetter<DisclosurePart>],
    ) -> Result<Identity, ClientError> {
        let id = case.line(session).await?.disclosure.request.id();
        let escrow = case.escrow(session).await?;
        let regulators = session.genesis().regulators.regulators();
        let mut good: BTreeMap<HolderIndex, EscrowPart> = BTreeMap::new();
        for sealed in parts {
            let part = self.unseal(session, sealed)?;
            let regulator = part.regulator;
            let gives = session.certificate(regulator).await?.certificate;
            let signed = part.verify_signature(&gives.signing).is_ok();
            if part.disclosure != id || !signed || gives.role != Role::Regulator {
                return Err(ClientError::ForeignPart);
            }
            let verified = part.verify(&escrow, &regulators);
            let (index, part) = verified.map_err(|_| ClientError::WrongPart { regulator })?;
            good.insert(index, part.clone());
        }
        let (found, needed) = (good.len(), regulators.threshold());
        if found < needed {
            return Err(ClientError::TooFewParts { found, needed });
        }
        let good: Vec<_> = good.iter().map(|(index, part)| (*index, part)).collect();
        Ok(Identity(combine(&escrow, &good)?))
    }

    fn unseal<T: Transport>(
        &self,
        session: &Session<T>,
        sealed: &SealedLetter<DisclosurePart>,
    ) -> Result<DisclosurePart, ClientError> {
        session.same_chain("part", sealed.chain)?;
        if sealed.reader != self.certificate {
            return Err(ClientError::NotForMe {
                reader: sealed.reader,
            });
        }
        Ok(sealed.open(&self.keys.kem)?)
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

/// The evidence of a visit, out of its hospital's private chain; not verified.
async fn evidence<T: Transport>(
    session: &Session<T>,
    nym: &Nym,
) -> Result<VisitEvidence, ClientError> {
    let known = session.find_visit(nym).await?;
    let hospital = known.ok_or(Refusal::VisitUnknown)?.hospital;
    let latest = session.log_head(hospital).await?.latest;
    let latest = latest.map_or(0, |header| header.height.get());
    let of_visit = |entries: &[yilian_protocol::private_chain::PrivateEntry]| {
        let found = entries.iter().find(|entry| entry.nym == *nym);
        found.map(|entry| entry.evidence.clone())
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
