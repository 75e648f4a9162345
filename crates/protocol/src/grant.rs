//! Standing grants: the patient's data contract, and what passes between patient, reader and key
//! holder.
//!
//! From PETchain's data contract and docs/PROTOCOL.md 3.2. On the chain stands only who controls
//! the grant (a key of its own, so that two grants of a patient cannot be joined), a salted
//! commitment to its terms, its end and its key holders. The terms are opened to the key holders
//! who serve and to the reader. The five methods of the contract: *set identifier* (the grant's id
//! is the hash of its controller key), *set authorisation* (`CreateGrant`), *get identifier*
//! (reading the entry), *pause* and *destroy* (`SetGrant`).

use std::collections::BTreeSet;

use rand_core::CryptoRng;
use schemars::JsonSchema;
use yilian_crypto::{
    hash::hash,
    kem::{KemPublic, KemSecret},
    label,
    pre::{HolderIndex, Partial, Rekey, ScopeKey, ShareCommitment},
    psk::SecretShare,
    sign::{Signature, SigningKey, VerifyingKey},
};
use zeroize::Zeroizing;

use crate::{
    codec::{Blob, Decode, DecodeError, Encode, List, Reader, Text, canonical, named_codes},
    fixed,
    ids::{CertificateId, ChainId, GrantId, MemberId, RecordId, Salt, TermsHash, TimeMs},
    limits::{
        CLOCK_SKEW_MS, DEPOSIT_MAX, HOLDERS_MAX, HOPS_MAX, OPENING_MS, REASON_MAX, SCOPES_MAX,
        SEALED_ASK_MAX, SEALED_PARTIAL_MAX,
    },
    refusal::Refusal,
    registry::Admitted,
    schema::digits,
};

named_codes! {
    /// Why a reader may read: HL7 v3 PurposeOfUse.
    pub enum Purpose {
        /// Treatment.
        Treatment = 1 "TREAT",
        /// Emergency treatment.
        EmergencyTreatment = 2 "ETREAT",
        /// Payment.
        Payment = 3 "HPAYMT",
        /// Research.
        Research = 4 "HRESCH",
        /// Public health.
        PublicHealth = 5 "PUBHLTH",
        /// At the patient's request.
        PatientRequest = 6 "PATRQT",
    }
}

named_codes! {
    /// Whether a grant is served.
    pub enum GrantState {
        /// It is served.
        Active = 1 "active",
        /// Not for now; the patient may resume it.
        Paused = 2 "paused",
        /// Never again.
        Revoked = 3 "revoked",
    }
}

/// A grant as it stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Grant {
    /// The key that may pause, resume and revoke it; made for this grant alone.
    #[serde(with = "fixed::Hex::<VerifyingKey>")]
    pub controller: VerifyingKey,
    /// [`Terms::commitment`].
    pub terms: TermsHash,
    /// First moment at which nothing is served any more.
    pub until: TimeMs,
    /// The members whose nodes hold shares of the rekeys, each once.
    pub holders: List<MemberId, HOLDERS_MAX>,
    /// How many of them it takes to serve.
    pub threshold: u8,
    /// Whether it is served in an emergency only, see [`Opening`].
    pub emergency: bool,
}
canonical!(Grant {
    controller,
    terms,
    until,
    holders,
    threshold,
    emergency
});

impl Grant {
    /// Its id: the hash of its controller key.
    #[must_use]
    pub fn id(&self) -> GrantId {
        grant_id(&self.controller)
    }

    /// The number of `member` among the key holders.
    #[must_use]
    pub fn holder_index(&self, member: MemberId) -> Option<HolderIndex> {
        let place = self.holders.iter().position(|holder| *holder == member)?;
        HolderIndex::at(place)
    }

    /// Whether the threshold is one of the holders' count, and each is named once.
    #[must_use]
    pub fn holders_are_sound(&self) -> bool {
        let distinct: BTreeSet<_> = self.holders.iter().collect();
        distinct.len() == self.holders.len()
            && (1..=self.holders.len()).contains(&usize::from(self.threshold))
    }
}

/// The id of the grant that `controller` controls.
#[must_use]
pub fn grant_id(controller: &VerifyingKey) -> GrantId {
    GrantId::hash_of(&[&controller.to_bytes()])
}

/// What a grant allows: shown to the key holders and the reader, committed to on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Terms {
    /// Hides the terms behind their commitment.
    pub salt: Salt,
    /// The one who may read.
    pub reader: CertificateId,
    /// For what purpose.
    pub purpose: Purpose,
    /// First moment at which it is served.
    pub from: TimeMs,
    /// The scopes it covers.
    pub scopes: List<GrantedScope, SCOPES_MAX>,
}
canonical!(Terms {
    salt,
    reader,
    purpose,
    from,
    scopes
});

impl Terms {
    /// The hash that stands on the chain.
    #[must_use]
    pub fn commitment(&self) -> TermsHash {
        TermsHash::from_bytes(hash(label::GRANT_TERMS, &[&self.to_vec()]))
    }

    /// What the terms say of `scope`, if they name it.
    #[must_use]
    pub fn scope(&self, scope: &ScopeKey) -> Option<&GrantedScope> {
        self.scopes.iter().find(|named| named.key == *scope)
    }
}

/// A scope that a grant covers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct GrantedScope {
    /// Its key.
    #[serde(with = "fixed")]
    pub key: ScopeKey,
    /// What every holder's share for this scope, and every partial, is checked against.
    pub commitment: Commitment,
}
canonical!(GrantedScope { key, commitment });

/// [`ShareCommitment`] on the wire: up to 31 points of 48 bytes, in hex digits as JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment(pub ShareCommitment);

impl Encode for Commitment {
    fn encode(&self, out: &mut Vec<u8>) {
        let points = self.0.to_points();
        (points.len() as u32).encode(out);
        points.for_each(|point| out.extend_from_slice(&point));
    }
}

impl Decode for Commitment {
    fn decode(input: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let count = u32::decode(input)? as usize;
        if count >= HOLDERS_MAX {
            return Err(DecodeError::TooLong {
                what: "share commitment",
                found: count,
                limit: HOLDERS_MAX - 1,
            });
        }
        let points: Result<Vec<[u8; ShareCommitment::POINT_SIZE]>, _> = (0..count)
            .map(|_| input.array("share commitment"))
            .collect();
        let commitment = ShareCommitment::from_points(&points?);
        commitment.map(Self).map_err(|_| DecodeError::Invalid {
            what: "share commitment",
        })
    }
}

impl serde::Serialize for Commitment {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.to_points().map(hex::encode))
    }
}

impl<'de> serde::Deserialize<'de> for Commitment {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use serde::de::Error as _;
        let texts: Vec<String> = serde::Deserialize::deserialize(deserializer)?;
        let point = |text: &String| {
            let mut point = [0; ShareCommitment::POINT_SIZE];
            hex::decode_to_slice(text, &mut point).ok()?;
            Some(point)
        };
        let points: Option<Vec<_>> = texts.iter().map(point).collect();
        let points = points.ok_or_else(|| D::Error::custom("a point is 96 hex digits"))?;
        let commitment = ShareCommitment::from_points(&points);
        commitment.map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Commitment {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Commitment".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "What shares of a key are checked against: points of G1.",
            "type": "array",
            "items": digits::<{ ShareCommitment::POINT_SIZE }>(generator),
            "maxItems": HOLDERS_MAX - 1,
        })
    }
}

/// A change of a grant's state, by its controller.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct GrantChange {
    /// The grant.
    pub grant: GrantId,
    /// What it shall be from now on.
    pub state: GrantState,
    /// Which change of the grant this is, from 1: an old change cannot be played again.
    pub sequence: u32,
}
canonical!(GrantChange {
    grant,
    state,
    sequence
});

/// What the chain knows of a grant.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct GrantEntry {
    /// The grant.
    pub grant: Grant,
    /// Whether it is served.
    pub state: GrantState,
    /// When it came onto the chain.
    pub admitted: Admitted,
    /// When its state was last set.
    pub changed: Admitted,
    /// How often it was set since.
    pub changes: u32,
}
canonical!(GrantEntry {
    grant,
    state,
    admitted,
    changed,
    changes
});

/// A key holder's shares of a grant's rekeys, given by the patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deposit {
    /// The grant.
    pub grant: GrantId,
    /// The holder.
    pub holder: MemberId,
    /// The grant's terms, opened.
    pub terms: Terms,
    /// The holder's share for each scope of the terms, in their order.
    pub shares: List<Rekey, SCOPES_MAX>,
    /// Of an emergency grant, the holder's share of each scope's secret, in their order; of others
    /// none: their readers have letters.
    pub secrets: List<SignedSecret, SCOPES_MAX>,
    /// By the grant's controller.
    pub signature: Signature,
}
canonical!(Deposit {
    grant,
    holder,
    terms,
    shares,
    secrets,
    signature
});

/// What a patient gives one key holder for each scope of a grant.
#[derive(Debug, Clone, Default)]
pub struct Dealt {
    /// Its share of each scope's rekey.
    pub shares: Vec<Rekey>,
    /// Its share of each scope's secret, for emergencies only.
    pub secrets: Vec<SecretShare>,
}

/// A key holder's share of a scope's secret, under the signature of the grant's controller: so the
/// reader tells a false share from a true one, and names who gave it. The share's own scheme keeps
/// the secret from fewer holders than the threshold, however long they compute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedSecret {
    /// The share.
    pub share: SecretShare,
    /// By the grant's controller, over chain, grant, holder, scope and share.
    pub signature: Signature,
}
canonical!(SignedSecret { share, signature });

/// What a [`SignedSecret`] is a share of, and whose.
#[derive(Debug, Clone, Copy)]
pub struct SecretOf<'a> {
    /// The chain.
    pub chain: ChainId,
    /// The grant.
    pub grant: GrantId,
    /// The holder.
    pub holder: MemberId,
    /// The scope.
    pub scope: &'a ScopeKey,
}

impl SignedSecret {
    /// Signs `share` as the patient.
    #[must_use]
    pub fn sign(share: SecretShare, of: &SecretOf<'_>, controller: &SigningKey) -> Self {
        let message = of.message(&share);
        let parts: [&[u8]; 2] = [label::call::SECRET_SHARE, &message];
        let signature = controller.sign(label::CALL_SIGNATURE, &parts);
        Self { share, signature }
    }

    /// Whether the grant's controller signed it for this holder and scope.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        of: &SecretOf<'_>,
        controller: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let message = of.message(&self.share);
        let parts: [&[u8]; 2] = [label::call::SECRET_SHARE, &message];
        controller.verify(label::CALL_SIGNATURE, &parts, &self.signature)
    }
}

impl SecretOf<'_> {
    fn message(&self, share: &SecretShare) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(Vec::with_capacity(3 * 32 + 48 + 32));
        self.chain.encode(&mut message);
        self.grant.encode(&mut message);
        self.holder.encode(&mut message);
        self.scope.encode(&mut message);
        share.encode(&mut message);
        message
    }
}

impl Deposit {
    /// Makes and signs a deposit for one holder of a grant on `chain`.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over [`SCOPES_MAX`] scopes.
    pub fn sign(
        chain: ChainId,
        holder: MemberId,
        terms: Terms,
        dealt: Dealt,
        controller: &SigningKey,
    ) -> Result<Self, DecodeError> {
        let grant = grant_id(&controller.verifying_key());
        let sign = |(share, scope): (SecretShare, &GrantedScope)| {
            let of = SecretOf {
                chain,
                grant,
                holder,
                scope: &scope.key,
            };
            SignedSecret::sign(share, &of, controller)
        };
        let secrets = dealt.secrets.into_iter().zip(terms.scopes.iter());
        let secrets = List::new(secrets.map(sign).collect())?;
        let shares = List::new(dealt.shares)?;
        let message = Self::message(chain, holder, &terms, &shares, &secrets);
        let signature = controller.sign(label::CALL_SIGNATURE, &[label::call::DEPOSIT, &message]);
        Ok(Self {
            grant,
            holder,
            terms,
            shares,
            secrets,
            signature,
        })
    }

    /// Whether the controller signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        controller: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let (terms, shares) = (&self.terms, &self.shares);
        let message = Self::message(chain, self.holder, terms, shares, &self.secrets);
        controller.verify(
            label::CALL_SIGNATURE,
            &[label::call::DEPOSIT, &message],
            &self.signature,
        )
    }

    fn message(
        chain: ChainId,
        holder: MemberId,
        terms: &Terms,
        shares: &List<Rekey, SCOPES_MAX>,
        secrets: &List<SignedSecret, SCOPES_MAX>,
    ) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(chain.to_vec());
        holder.encode(&mut message);
        terms.encode(&mut message);
        shares.encode(&mut message);
        secrets.encode(&mut message);
        message
    }

    /// Seals it so that only the holder's node can read it, whoever passes it on.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] over [`DEPOSIT_MAX`].
    pub fn seal(
        &self,
        chain: ChainId,
        node: &KemPublic,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedDeposit, DecodeError> {
        let bound = SealedDeposit::bound(chain, self.grant, self.holder);
        let plain = Zeroizing::new(self.to_vec());
        let sealed = node.seal(&bound, &plain, rng);
        let sealed = sealed.map_err(|_| DecodeError::Invalid { what: "node key" })?;
        Ok(SealedDeposit {
            grant: self.grant,
            holder: self.holder,
            hops: HOPS_MAX,
            sealed: Blob::new(sealed)?,
        })
    }
}

/// A deposit that only the holder's node can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedDeposit {
    /// The grant.
    pub grant: GrantId,
    /// Who can read it.
    pub holder: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
    /// The deposit, see [`yilian_crypto::kem`].
    pub sealed: Blob<DEPOSIT_MAX>,
}
canonical!(SealedDeposit {
    grant,
    holder,
    hops,
    sealed
});

impl SealedDeposit {
    fn bound(chain: ChainId, grant: GrantId, holder: MemberId) -> Vec<u8> {
        let mut bound = b"deposit".to_vec();
        chain.encode(&mut bound);
        grant.encode(&mut bound);
        holder.encode(&mut bound);
        bound
    }

    /// Opens it with the node's key. The grant's `controller` must have signed it, which is checked
    /// before any of its thousands of points is decoded.
    ///
    /// # Errors
    /// When it is for another node, not signed, or holds another deposit than it says.
    pub fn open(
        &self,
        chain: ChainId,
        node: &SigningKey,
        controller: &VerifyingKey,
    ) -> Result<Deposit, DecodeError> {
        let invalid = DecodeError::Invalid {
            what: "sealed deposit (it is not for this node, or not the patient's)",
        };
        let bound = Self::bound(chain, self.grant, self.holder);
        let opened = KemSecret::of_node(node).open(&bound, self.sealed.as_slice());
        let opened = opened.map_err(|_| invalid.clone())?;
        // As `Deposit::message`: what stands between the grant and the signature.
        let signed =
            opened
                .split_last_chunk::<{ Signature::SIZE }>()
                .and_then(|(body, signature)| {
                    let (_, body) = body.split_at_checked(GrantId::SIZE)?;
                    let message = [chain.as_bytes(), body].concat();
                    let signature = Signature::from_slice(signature).ok()?;
                    let words: &[&[u8]] = &[label::call::DEPOSIT, &message];
                    controller
                        .verify(label::CALL_SIGNATURE, words, &signature)
                        .ok()
                });
        signed.ok_or_else(|| invalid.clone())?;
        let deposit = Deposit::from_slice(&opened)?;
        let same = deposit.grant == self.grant && deposit.holder == self.holder;
        same.then_some(deposit).ok_or(invalid)
    }
}

/// A clinician by his certificate, and the member that certified him: so whoever executes an
/// opening knows which entries to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Clinician {
    /// His certificate.
    pub certificate: CertificateId,
    /// The member.
    pub member: MemberId,
}
canonical!(Clinician {
    certificate,
    member
});

/// A clinician's word that a patient's emergency grant has to be opened. A second clinician
/// countersigns it by putting it onto the chain, where it stays for the patient to see.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Opening {
    /// The grant.
    pub grant: GrantId,
    /// The first clinician.
    pub first: Clinician,
    /// The second.
    pub second: Clinician,
    /// Why, in the first one's words.
    pub reason: Text<REASON_MAX>,
    /// When, by the first one's clock.
    pub at: TimeMs,
    /// By the first clinician's certified key.
    #[serde(with = "fixed::Hex::<Signature>")]
    pub signature: Signature,
}
canonical!(Opening {
    grant,
    first,
    second,
    reason,
    at,
    signature
});

impl Opening {
    /// Signs it, for `second` to countersign.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        grant: GrantId,
        (first, second): (Clinician, Clinician),
        reason: Text<REASON_MAX>,
        at: TimeMs,
        key: &SigningKey,
    ) -> Self {
        let message = Self::message(chain, grant, (first, second), &reason, at);
        let signature = key.sign(label::CALL_SIGNATURE, &[label::call::OPENING, &message]);
        Self {
            grant,
            first,
            second,
            reason,
            at,
            signature,
        }
    }

    /// Whether the first clinician signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(&self, chain: ChainId, first: &VerifyingKey) -> Result<(), yilian_crypto::Error> {
        let both = (self.first, self.second);
        let message = Self::message(chain, self.grant, both, &self.reason, self.at);
        first.verify(
            label::CALL_SIGNATURE,
            &[label::call::OPENING, &message],
            &self.signature,
        )
    }

    /// What it opens, when it comes onto the chain in a block of the time `now`.
    ///
    /// # Errors
    /// [`Refusal::StaleRequest`] when it was signed a day ago, or ahead of the block by more than
    /// clocks may differ.
    pub fn opens(&self, now: TimeMs) -> Result<Opened, Refusal> {
        let until = self.at.min(now).plus_ms(OPENING_MS);
        if self.at > now.plus_ms(CLOCK_SKEW_MS) || now >= until {
            return Err(Refusal::StaleRequest);
        }
        Ok(Opened { at: self.at, until })
    }

    fn message(
        chain: ChainId,
        grant: GrantId,
        (first, second): (Clinician, Clinician),
        reason: &Text<REASON_MAX>,
        at: TimeMs,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        grant.encode(&mut message);
        first.encode(&mut message);
        second.encode(&mut message);
        reason.encode(&mut message);
        at.encode(&mut message);
        message
    }
}

/// An opening as it stands on the chain.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct OpeningEntry {
    /// What was signed.
    pub opening: Opening,
    /// When it came onto the chain.
    pub admitted: Admitted,
}
canonical!(OpeningEntry { opening, admitted });

/// How an emergency grant was opened last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Opened {
    /// [`Opening::at`]. An opening counts when it was signed later than this: each counts once.
    pub at: TimeMs,
    /// First moment at which the grant is not served any more:
    /// [`OPENING_MS`](crate::limits::OPENING_MS) after the *first* clinician signed. So the second
    /// cannot prolong it alone.
    pub until: TimeMs,
}
canonical!(Opened { at, until });

/// Says that a key holder erased its shares of a revoked grant; on the chain, signed by its node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Erasure {
    /// The grant.
    pub grant: GrantId,
    /// The holder.
    pub holder: MemberId,
}
canonical!(Erasure { grant, holder });

/// A reader's request to a key holder for one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The grant relied on.
    pub grant: GrantId,
    /// The record wanted.
    pub record: RecordId,
    /// The scope it is in, as the patient told the reader.
    pub scope: ScopeKey,
    /// The reader.
    pub reader: CertificateId,
    /// What for.
    pub purpose: Purpose,
    /// When, by the reader's clock.
    pub asked_at: TimeMs,
}
canonical!(Ask {
    grant,
    record,
    scope,
    reader,
    purpose,
    asked_at
});

/// A request signed by the reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAsk {
    /// The request.
    pub ask: Ask,
    /// By the reader's certified key.
    pub signature: Signature,
}
canonical!(SignedAsk { ask, signature });

impl SignedAsk {
    /// Signs `ask` for `chain`.
    #[must_use]
    pub fn sign(chain: ChainId, ask: Ask, reader: &SigningKey) -> Self {
        let signature = reader.sign(
            label::CALL_SIGNATURE,
            &[label::call::ASK, chain.as_bytes(), &ask.to_vec()],
        );
        Self { ask, signature }
    }

    /// What an answer to it is bound to.
    #[must_use]
    pub fn digest(&self, chain: ChainId) -> [u8; 32] {
        hash(
            label::CALL_SIGNATURE,
            &[label::call::ASKED, chain.as_bytes(), &self.to_vec()],
        )
    }

    /// Whether `reader` signed it for this chain.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        reader: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let parts: [&[u8]; 3] = [label::call::ASK, chain.as_bytes(), &self.ask.to_vec()];
        reader.verify(label::CALL_SIGNATURE, &parts, &self.signature)
    }
}

/// A request on its way to one key holder, whose node alone can read it: it tells whoever passes it
/// on neither reader nor record nor grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HolderAsk {
    /// Who shall answer.
    pub holder: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
    /// The request, see [`yilian_crypto::kem`].
    pub sealed: Blob<SEALED_ASK_MAX>,
}
canonical!(HolderAsk {
    holder,
    hops,
    sealed
});

impl HolderAsk {
    /// Seals `ask` to the `key` of the holder's node.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`] never, since an ask has one size.
    pub fn seal(
        chain: ChainId,
        ask: &SignedAsk,
        (holder, key): (MemberId, &KemPublic),
        rng: &mut impl CryptoRng,
    ) -> Result<Self, DecodeError> {
        let sealed = key.seal(&Self::bound(chain, holder), &ask.to_vec(), rng);
        let sealed = sealed.map_err(|_| Self::invalid())?;
        Ok(Self {
            holder,
            hops: HOPS_MAX,
            sealed: Blob::new(sealed)?,
        })
    }

    /// Opens it with the key of the holder's node.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is for another node, or holds no ask.
    pub fn open(&self, chain: ChainId, node: &SigningKey) -> Result<SignedAsk, DecodeError> {
        let bound = Self::bound(chain, self.holder);
        let opened = KemSecret::of_node(node).open(&bound, self.sealed.as_slice());
        SignedAsk::from_slice(&opened.map_err(|_| Self::invalid())?)
    }

    fn bound(chain: ChainId, holder: MemberId) -> Vec<u8> {
        let mut bound = b"ask".to_vec();
        chain.encode(&mut bound);
        holder.encode(&mut bound);
        bound
    }

    const fn invalid() -> DecodeError {
        DecodeError::Invalid {
            what: "sealed ask (it is not for this node)",
        }
    }
}

/// A key holder's answer. Signed by its node: a wrong one convinces anybody that this holder gave
/// it. On its way it is sealed, see [`SealedPartial`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedPartial {
    /// Who answers.
    pub holder: MemberId,
    /// Its part.
    pub partial: Partial,
    /// Of an emergency grant, its share of the scope's secret.
    pub secret: Option<SignedSecret>,
    /// By the holder's node key, over the request's digest, the part and the share.
    pub signature: Signature,
}
canonical!(SignedPartial {
    holder,
    partial,
    secret,
    signature
});

impl SignedPartial {
    /// Signs the answer to `ask`.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        ask: &SignedAsk,
        holder: MemberId,
        (partial, secret): (Partial, Option<SignedSecret>),
        node: &SigningKey,
    ) -> Self {
        let parts: [&[u8]; 4] = [
            label::call::PARTIAL,
            &ask.digest(chain),
            &partial.to_bytes(),
            &secret.to_vec(),
        ];
        let signature = node.sign(label::CALL_SIGNATURE, &parts);
        Self {
            holder,
            partial,
            secret,
            signature,
        }
    }

    /// Whether the holder's node signed it as the answer to `ask`.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        ask: &SignedAsk,
        node: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let parts: [&[u8]; 4] = [
            label::call::PARTIAL,
            &ask.digest(chain),
            &self.partial.to_bytes(),
            &self.secret.to_vec(),
        ];
        node.verify(label::CALL_SIGNATURE, &parts, &self.signature)
    }
}

/// A key holder's answer on its way to the reader, who alone can read it. The part's proof would
/// tell whoever knows the scope's key, or the patient's, which certified reader it is for. The
/// holder's signature is inside: the reader can show the answer to anybody.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct SealedPartial {
    /// Who answers.
    pub holder: MemberId,
    /// The answer, see [`yilian_crypto::kem`].
    pub sealed: Blob<SEALED_PARTIAL_MAX>,
}
canonical!(SealedPartial { holder, sealed });

impl SealedPartial {
    /// Seals `answer`, which answers `ask`, to the key of its reader.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when the key does not take it.
    pub fn seal(
        chain: ChainId,
        ask: &SignedAsk,
        answer: &SignedPartial,
        reader: &KemPublic,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, DecodeError> {
        let (holder, plain) = (answer.holder, Zeroizing::new(answer.to_vec()));
        let sealed = reader.seal(&Self::bound(chain, ask, holder), &plain, rng);
        let sealed = sealed.map_err(|_| DecodeError::Invalid {
            what: "reader's key",
        })?;
        Ok(Self {
            holder,
            sealed: Blob::new(sealed)?,
        })
    }

    /// Opens it with the key of the reader who asked. Whose answer it is shows its signature.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is for another reader, answers another request or is not of
    /// this holder.
    pub fn open(
        &self,
        chain: ChainId,
        ask: &SignedAsk,
        reader: &KemSecret,
    ) -> Result<SignedPartial, DecodeError> {
        let invalid = || DecodeError::Invalid {
            what: "sealed answer (it is not for this reader and request)",
        };
        let bound = Self::bound(chain, ask, self.holder);
        let opened = reader.open(&bound, self.sealed.as_slice());
        let answer = SignedPartial::from_slice(&opened.map_err(|_| invalid())?)?;
        let same = answer.holder == self.holder;
        same.then_some(answer).ok_or_else(invalid)
    }

    fn bound(chain: ChainId, ask: &SignedAsk, holder: MemberId) -> Vec<u8> {
        let mut bound = label::call::PARTIAL.to_vec();
        bound.extend_from_slice(&ask.digest(chain));
        holder.encode(&mut bound);
        bound
    }
}

/// A patient's question to one key holder: how was the grant used?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsesRequest {
    /// The grant.
    pub grant: GrantId,
    /// Who is asked.
    pub holder: MemberId,
    /// How many nodes may pass it on.
    pub hops: u8,
    /// The first use wanted, counted from 0.
    pub from: u32,
    /// When, by the patient's clock.
    pub asked_at: TimeMs,
    /// By the grant's controller.
    pub signature: Signature,
}
canonical!(UsesRequest {
    grant,
    holder,
    hops,
    from,
    asked_at,
    signature
});

impl UsesRequest {
    /// Signs the question.
    #[must_use]
    pub fn sign(
        chain: ChainId,
        holder: MemberId,
        from: u32,
        asked_at: TimeMs,
        controller: &SigningKey,
    ) -> Self {
        let grant = grant_id(&controller.verifying_key());
        let message = Self::message(chain, grant, holder, from, asked_at);
        Self {
            grant,
            holder,
            hops: HOPS_MAX,
            from,
            asked_at,
            signature: controller.sign(label::CALL_SIGNATURE, &[label::call::USES, &message]),
        }
    }

    /// Whether the grant's controller signed it.
    ///
    /// # Errors
    /// When the signature does not verify.
    pub fn verify(
        &self,
        chain: ChainId,
        controller: &VerifyingKey,
    ) -> Result<(), yilian_crypto::Error> {
        let message = Self::message(chain, self.grant, self.holder, self.from, self.asked_at);
        controller.verify(
            label::CALL_SIGNATURE,
            &[label::call::USES, &message],
            &self.signature,
        )
    }

    fn message(
        chain: ChainId,
        grant: GrantId,
        holder: MemberId,
        from: u32,
        asked_at: TimeMs,
    ) -> Vec<u8> {
        let mut message = chain.to_vec();
        grant.encode(&mut message);
        holder.encode(&mut message);
        from.encode(&mut message);
        asked_at.encode(&mut message);
        message
    }
}

/// One use of a grant, as a key holder noted it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, JsonSchema)]
pub struct Use {
    /// The record turned.
    pub record: RecordId,
    /// The reader.
    pub reader: CertificateId,
    /// What for.
    pub purpose: Purpose,
    /// When, by the holder's clock.
    pub at: TimeMs,
}
canonical!(Use {
    record,
    reader,
    purpose,
    at
});
