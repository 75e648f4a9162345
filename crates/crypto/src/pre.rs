//! Conditional proxy re-encryption: a patient lets a node turn the capsule of a record of scope `w`
//! into one that Bob opens.
//!
//! From AFGH (Ateniese, Fu, Green and Hohenberger 2006, section 3.2) as a key encapsulation, made
//! conditional in the form of Sakai and Kasahara; docs/PROTOCOL.md 2 and the 医链 note, section
//! 4.3.1. Symbols: `a` the delegator's secret at one hospital and `PK_a = g^a`; `b` the delegatee's
//! and `PK_b = h^b`; `Z = e(g, h)`; `w` a scope.
//! ```text
//! scope key        a_w = a + H1(PK_a, w), PK_{a,w} = PK_a g^{H1(PK_a, w)}       48 bytes
//! encapsulate      c = PK_{a,w}^r, K = KDF(Z^r | s_c, context)                  48 bytes
//!                  proof of r: A = PK_{a,w}^k, e = H(PK_{a,w}, c, A, context, body),
//!                  s = k + e r; holds when e = H(.., PK_{a,w}^s c^-e, ..)       64 bytes
//! decapsulate      Z^r = e(c^{1/a_w}, h)
//! rekey            RK = PK_b^{1/a_w}; good when e(PK_{a,w}, RK) = e(g, PK_b)    96 bytes
//! re-encapsulate   z' = e(c, RK) = Z^{rb}; Bob: Z^r = z'^{1/b}                  288 bytes
//!   or (Libert     (x, y) = (c^t, RK^{1/t}); Bob: Z^r = e(x^{1/b}, y)           144 bytes
//!   and Vergnaud 2008)
//! blinded rekey    RK' = RK^t, t told to Bob alone, who takes 1/(b t) for 1/b   t: 32 bytes
//! ```
//! A proxy takes a [`ProvenCapsule`], which only [`Capsule::verify`] makes: the proof stops a
//! delegatee from having a multiple of another record's capsule turned to him, and anybody from
//! having a record's capsule turned that he put before another body. The scalar `a_w` is never
//! given out: it gives `a`. `s_c` is the record's secret ([`crate::psk`]), which proxies never see.
//!
//! # Deviations
//! - A key encapsulation, not encryption of a message in GT; keys are per scope, a proof is
//!   attached.
//! - The context binds `PK_{a,w}` and not `(PK_a, w)`, so that neither proxy nor one-shot reader
//!   needs `PK_a`. It commits to both: H1 is a random oracle, so finding other `(PK_a, w)` with the
//!   same `PK_{a,w}` is finding discrete logarithms or collisions.
//!
//! # Promised and not promised
//! Confidentiality against chosen plaintexts and honest re-encryption, unidirectional, single hop.
//! Proxy and delegatee together get `h^{1/a_w}`, which opens that scope and no other. A reader who
//! was let in may keep what he read. Whoever knows a scope key recognises its capsules.

mod threshold;

pub(crate) use threshold::lagrange_at_zero;
pub use threshold::{HOLDERS_MAX, HolderIndex, Partial, PartialContext, ShareCommitment, combine};

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    Error,
    bls::{G1, G2, Gt, PreparedG2, Scalar, hash_to_scalar, pairing, pairings_equal},
    encoding::{
        debug_public, debug_public_values, debug_secret, field, join, opaque, point_encoding,
        schnorr_encoding,
    },
    hash::{hash, kdf},
    label,
    pseudonym::Nym,
    psk::{HospitalPsk, PeriodPsk, RecordPsk, ScopePsk},
    scope::{Quarter, Scope, VisitTag},
    suite::SUITE,
};

debug_public_values!(
    DelegatorPublic,
    ScopeKey,
    Capsule,
    KnowledgeProof,
    DelegateePublic,
    GtReencapsulation,
    LvReencapsulation
);

/// A patient's secret at one hospital, `a`, and what the scopes' secrets there come from. Not
/// exported.
pub struct DelegatorSecret {
    secret: Scalar,
    public: DelegatorPublic,
    psk: HospitalPsk,
}

impl DelegatorSecret {
    /// A fresh secret.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        let secret = Scalar::random(rng);
        let mut psk = Zeroizing::new([0; 32]);
        rng.fill_bytes(psk.as_mut_slice());
        Self::new(secret, HospitalPsk::new(psk))
    }

    pub(crate) fn new(secret: Scalar, psk: HospitalPsk) -> Self {
        let public = DelegatorPublic(G1::power_of_generator(&secret));
        Self {
            secret,
            public,
            psk,
        }
    }

    /// What the hospital is handed to seal records of a quarter, or of the private visit of `tag`.
    #[must_use]
    pub fn period(&self, period: Quarter, tag: Option<&VisitTag>) -> PeriodPsk {
        self.psk.period(period, tag)
    }

    /// PK_a.
    #[must_use]
    pub const fn public(&self) -> DelegatorPublic {
        self.public
    }

    /// The secret side of a scope.
    #[must_use]
    pub fn scope(&self, scope: &Scope) -> ScopeSecret {
        let secret = self.secret.add(&self.public.scope_offset(scope));
        // Zero, for which there would be no inverse, is hit once in 2^255.
        ScopeSecret {
            inverse: secret.invert_or_zero(),
            key: ScopeKey(G1::power_of_generator(&secret)),
            psk: self.psk.scope(scope),
        }
    }
}

impl std::fmt::Debug for DelegatorSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "DelegatorSecret", Scalar::SIZE)
    }
}

/// A patient's public key at one hospital, `PK_a`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DelegatorPublic(G1);
point_encoding!(DelegatorPublic, G1, "delegator key (48 bytes)");

impl DelegatorPublic {
    /// PK_{a,w}.
    #[must_use]
    pub fn scope(&self, scope: &Scope) -> ScopeKey {
        ScopeKey(
            self.0
                .add(&G1::power_of_generator(&self.scope_offset(scope))),
        )
    }

    /// H1(PK_a, w).
    fn scope_offset(&self, scope: &Scope) -> Scalar {
        hash_to_scalar(label::PRE_SCOPE, &[&self.to_bytes(), &scope.to_bytes()])
    }
}

/// The secret side of a scope: `1/a_w`, not exported, and `s_w`.
pub struct ScopeSecret {
    inverse: Scalar,
    key: ScopeKey,
    psk: ScopePsk,
}

impl ScopeSecret {
    /// PK_{a,w}.
    #[must_use]
    pub const fn key(&self) -> ScopeKey {
        self.key
    }

    /// s_w, for readers.
    #[must_use]
    pub const fn psk(&self) -> &ScopePsk {
        &self.psk
    }

    /// Opens a capsule of this scope: K from `Z^r = e(c^{1/a_w}, h)`. That of another scope gives a
    /// key that opens nothing.
    #[must_use]
    pub fn decapsulate(&self, capsule: &ProvenCapsule) -> RecordKey {
        let base = capsule.capsule.0.mul(&self.inverse);
        let shared = PreparedG2::generator().pairing(&base);
        let psk = self.psk.record(&capsule.capsule);
        RecordKey::derive(&shared, &psk, &capsule.context)
    }

    /// `RK = PK_b^{1/a_w}`: lets a proxy turn this scope's capsules to `delegatee`.
    #[must_use]
    pub fn rekey(&self, delegatee: &DelegateePublic) -> Rekey {
        Rekey(delegatee.0.mul(&self.inverse))
    }
}

impl std::fmt::Debug for ScopeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "ScopeSecret", Scalar::SIZE)
    }
}

/// The public key of a scope, `PK_{a,w}`. Whoever knows it recognises the scope's capsules, so it
/// does not go onto a chain.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ScopeKey(G1);
point_encoding!(ScopeKey, G1, "scope key (48 bytes)");

impl ScopeKey {
    /// Makes a record's key and the capsule that carries it. `psk` is the scope's secret. `message`
    /// is what will be sealed: with it a generator that repeats itself makes no key twice for two
    /// messages.
    #[must_use]
    pub fn encapsulate(
        &self,
        context: &Context,
        psk: &ScopePsk,
        message: &[u8],
        rng: &mut impl CryptoRng,
    ) -> (Capsule, Prover, RecordKey) {
        let message = Zeroizing::new(hash(label::PRE_ENCAPSULATION, &[message]));
        let parts: [&[u8]; 2] = [context.digest(), message.as_slice()];
        let r = Scalar::hedged(label::PRE_ENCAPSULATION, psk.expose(), &parts, rng);
        let capsule = Capsule(self.0.mul(&r));
        let psk = psk.record(&capsule);
        let key = RecordKey::derive(&Gt::power_of_generator(&r), &psk, context);
        let prover = Prover {
            r,
            scope_key: *self,
            capsule,
            context: *context,
        };
        (capsule, prover, key)
    }
}

/// The maker's knowledge of a capsule's `r`, until the body is sealed that the proof is bound to.
pub struct Prover {
    r: Scalar,
    scope_key: ScopeKey,
    capsule: Capsule,
    context: Context,
}

impl Prover {
    /// Proves that whoever made the capsule sealed the `body` of this digest.
    #[must_use]
    pub fn prove(self, body: &[u8; 32], rng: &mut impl CryptoRng) -> KnowledgeProof {
        let Self {
            r,
            scope_key,
            capsule,
            context,
        } = self;
        let secret = Zeroizing::new(r.to_bytes());
        let parts: [&[u8]; 4] = [
            &scope_key.to_bytes(),
            &capsule.to_bytes(),
            context.digest(),
            body,
        ];
        let k = Scalar::hedged(label::PRE_PROOF, secret.as_slice(), &parts, rng);
        let commitment = scope_key.0.mul(&k);
        let challenge = proof_challenge(&scope_key, &capsule, &commitment, &context, body);
        let response = k.add(&challenge.mul(&r));
        KnowledgeProof {
            challenge,
            response,
        }
    }
}

impl std::fmt::Debug for Prover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "Prover", Scalar::SIZE)
    }
}

/// What a record's key and proof are bound to: suite, chain, scope key, pseudonym of the visit, and
/// commitment to the author.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Context {
    digest: [u8; 32],
}

impl Context {
    /// The context of a record on `chain`, sealed under `scope_key`, in the visit of `nym`, by the
    /// `author` committed to.
    #[must_use]
    pub fn new(chain: &[u8; 32], scope_key: &ScopeKey, nym: &Nym, author: &[u8; 32]) -> Self {
        let (scope_key, nym) = (scope_key.to_bytes(), nym.to_bytes());
        let parts: [&[u8]; 5] = [&[SUITE], chain, &scope_key, &nym, author];
        Self {
            digest: hash(label::PRE_CONTEXT, &parts),
        }
    }

    /// The digest of all of it.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_public(f, "Context", &self.digest)
    }
}

/// A capsule, `c = PK_{a,w}^r`: what the chain holds of a record's key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Capsule(G1);
point_encoding!(Capsule, G1, "capsule (48 bytes)");

opaque! {
    /// A capsule's 48 bytes, as they stand on the chain: not checked to be a point. Nothing is
    /// computed with them; whoever opens or turns a record takes the capsule of its sealed object,
    /// which is checked, and compares.
    EncodedCapsule, Capsule::SIZE
}

impl From<&Capsule> for EncodedCapsule {
    fn from(capsule: &Capsule) -> Self {
        Self(capsule.to_bytes())
    }
}

impl Capsule {
    /// Checks that whoever made the capsule knew `r`, for this scope and context, and sealed the
    /// `body` of this digest.
    ///
    /// # Errors
    /// [`Error::Proof`] when scope key, context, capsule, body or proof are not those of one
    /// encapsulation.
    pub fn verify(
        &self,
        scope_key: &ScopeKey,
        context: &Context,
        body: &[u8; 32],
        proof: &KnowledgeProof,
    ) -> Result<ProvenCapsule, Error> {
        let commitment = scope_key
            .0
            .mul(&proof.response)
            .add(&self.0.mul(&proof.challenge).negate());
        let challenge = proof_challenge(scope_key, self, &commitment, context, body);
        if challenge != proof.challenge {
            return Err(Error::Proof);
        }
        Ok(ProvenCapsule {
            capsule: *self,
            context: *context,
        })
    }
}

/// Proof that the maker of a capsule knew `r`: challenge and response of Schnorr's protocol to the
/// base `PK_{a,w}`.
#[derive(Clone, PartialEq, Eq)]
pub struct KnowledgeProof {
    challenge: Scalar,
    response: Scalar,
}
schnorr_encoding!(KnowledgeProof, "proof of knowledge (64 bytes)");

/// e = H(PK_{a,w}, c, A, context, body).
fn proof_challenge(
    scope_key: &ScopeKey,
    capsule: &Capsule,
    commitment: &G1,
    context: &Context,
    body: &[u8; 32],
) -> Scalar {
    let parts: [&[u8]; 5] = [
        &scope_key.to_bytes(),
        &capsule.to_bytes(),
        &commitment.to_bytes(),
        context.digest(),
        body,
    ];
    hash_to_scalar(label::PRE_PROOF, &parts)
}

/// Evidence that a capsule's proof held for its scope key and context. Made by [`Capsule::verify`]
/// only; not `Clone`.
#[derive(Debug)]
pub struct ProvenCapsule {
    capsule: Capsule,
    context: Context,
}

impl ProvenCapsule {
    /// The capsule that was checked.
    #[must_use]
    pub const fn capsule(&self) -> &Capsule {
        &self.capsule
    }

    /// The context it was checked for.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }
}

/// `RK = PK_b^{1/a_w}`: turns capsules of one scope to one delegatee. With the delegatee's help it
/// opens the whole scope, so it goes to proxies only and prints nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Rekey(G2);
point_encoding!(Rekey, G2, "rekey (96 bytes)");

impl std::fmt::Debug for Rekey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "Rekey", Self::SIZE)
    }
}

impl Rekey {
    /// Checks that this rekey leads from `scope_key` to `delegatee`.
    ///
    /// # Errors
    /// [`Error::Rekey`] when it does not.
    pub fn verify(&self, scope_key: &ScopeKey, delegatee: &DelegateePublic) -> Result<(), Error> {
        let good = pairings_equal((&scope_key.0, &self.0), (&G1::generator(), &delegatee.0));
        good.then_some(()).ok_or(Error::Rekey)
    }
}

/// What hides from a proxy to whom a rekey leads: `t`. Told to the delegatee alone.
#[derive(Clone, PartialEq, Eq)]
pub struct Blind(Scalar);

impl Blind {
    /// Bytes of the encoding.
    pub const SIZE: usize = Scalar::SIZE;

    /// Its bytes, for the delegatee.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; Self::SIZE]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Reads what [`Blind::expose`] gave.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        Scalar::from_bytes(bytes).map(Self)
    }
}

impl std::fmt::Debug for Blind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "Blind", Scalar::SIZE)
    }
}

impl ScopeSecret {
    /// The rekey to `delegatee`, raised to a random `t`. Whoever turns `capsule` with it cannot
    /// tell to whom: every delegatee's rekey is as likely, however long one computes.
    #[must_use]
    pub fn blinded_rekey(
        &self,
        delegatee: &DelegateePublic,
        capsule: &ProvenCapsule,
        rng: &mut impl CryptoRng,
    ) -> (Rekey, Blind) {
        let secret = Zeroizing::new(self.inverse.to_bytes());
        let parts: [&[u8]; 2] = [&delegatee.to_bytes(), &capsule.capsule.to_bytes()];
        let t = Scalar::hedged(label::PRE_BLIND, secret.as_slice(), &parts, rng);
        (Rekey(self.rekey(delegatee).0.mul(&t)), Blind(t))
    }
}

/// Turns a capsule to the rekey's delegatee: `z' = e(c, RK)`.
#[must_use]
pub fn reencapsulate(capsule: &ProvenCapsule, rekey: &Rekey) -> GtReencapsulation {
    GtReencapsulation(pairing(&capsule.capsule.0, &rekey.0))
}

/// Turns a capsule to the rekey's delegatee without a pairing: `(c^t, RK^{1/t})` for a random `t`.
#[must_use]
pub fn reencapsulate_lv(
    capsule: &ProvenCapsule,
    rekey: &Rekey,
    rng: &mut impl CryptoRng,
) -> LvReencapsulation {
    let secret = Zeroizing::new(rekey.to_bytes());
    let parts: [&[u8]; 1] = [&capsule.capsule.to_bytes()];
    let t = Scalar::hedged(label::PRE_LV, secret.as_slice(), &parts, rng);
    LvReencapsulation {
        x: capsule.capsule.0.mul(&t),
        y: rekey.0.mul(&t.invert_or_zero()),
    }
}

/// `z' = Z^{rb}`, torus-compressed as [`Gt::to_bytes`] tells.
#[derive(Clone, PartialEq, Eq)]
pub struct GtReencapsulation(Gt);

impl GtReencapsulation {
    /// Bytes of the encoding.
    pub const SIZE: usize = Gt::SIZE;

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        self.0.to_bytes()
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else, and for what is not of order q.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        Gt::from_bytes(bytes).map(Self)
    }
}

/// `x = c^t`, 48 bytes, then `y = RK^{1/t}`, 96 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct LvReencapsulation {
    x: G1,
    y: G2,
}

impl LvReencapsulation {
    /// Bytes of the encoding.
    pub const SIZE: usize = G1::SIZE + G2::SIZE;

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        join(&self.x.to_bytes(), &self.y.to_bytes())
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let x = field::<0, { G1::SIZE }, { Self::SIZE }>(bytes);
        let y = field::<{ G1::SIZE }, { G2::SIZE }, { Self::SIZE }>(bytes);
        Ok(Self {
            x: G1::from_bytes(&x)?,
            y: G2::from_bytes(&y)?,
        })
    }
}

#[expect(clippy::large_enum_variant, reason = "short-lived, and sent as bytes")]
/// A capsule turned to a delegatee, in either form. Encoded as a tag, 1 for GT and 2 for LV, and
/// the form's encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reencapsulation {
    /// `z'`, 288 bytes: cheaper for the delegatee.
    Gt(GtReencapsulation),
    /// `(x, y)`, 144 bytes: cheaper for the proxy.
    Lv(LvReencapsulation),
}

impl Reencapsulation {
    /// The canonical encoding, 289 or 145 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        match self {
            Self::Gt(form) => {
                out.push(1);
                out.extend_from_slice(&form.to_bytes());
            }
            Self::Lv(form) => {
                out.push(2);
                out.extend_from_slice(&form.to_bytes());
            }
        }
        out
    }

    /// Reads the canonical encoding, all of `bytes`.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let refused = Error::Encoding {
            what: "re-encapsulation (289 or 145 bytes)",
        };
        match bytes.split_first() {
            Some((1, form)) => {
                let form = form.try_into().map_err(|_| refused)?;
                GtReencapsulation::from_bytes(form).map(Self::Gt)
            }
            Some((2, form)) => {
                let form = form.try_into().map_err(|_| refused)?;
                LvReencapsulation::from_bytes(form).map(Self::Lv)
            }
            _ => Err(refused),
        }
    }
}

impl From<GtReencapsulation> for Reencapsulation {
    fn from(form: GtReencapsulation) -> Self {
        Self::Gt(form)
    }
}

impl From<LvReencapsulation> for Reencapsulation {
    fn from(form: LvReencapsulation) -> Self {
        Self::Lv(form)
    }
}

/// A delegatee's secret, `b`. Not exported; kept as the seed it is made from.
pub struct DelegateeSecret {
    secret: Scalar,
    inverse: Scalar,
}

impl DelegateeSecret {
    /// A fresh secret.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self::new(Scalar::random(rng))
    }

    /// The secret of a seed of 32 uniform bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(Scalar::derive(label::PRE_DELEGATEE, seed, &[]))
    }

    fn new(secret: Scalar) -> Self {
        let inverse = secret.invert_or_zero();
        Self { secret, inverse }
    }

    /// PK_b.
    #[must_use]
    pub fn public(&self) -> DelegateePublic {
        DelegateePublic(G2::power_of_generator(&self.secret))
    }

    /// Opens a capsule that was turned to this delegatee, in the `context` it was made for, with
    /// the record's secret. What was turned to another, or made for another context or secret,
    /// gives a key that opens nothing.
    #[must_use]
    pub fn decapsulate(
        &self,
        capsule: &Reencapsulation,
        psk: &RecordPsk,
        context: &Context,
    ) -> RecordKey {
        RecordKey::derive(&shared(capsule, &self.inverse), psk, context)
    }

    /// The same, of a capsule that was turned with a blinded rekey.
    #[must_use]
    pub fn decapsulate_blinded(
        &self,
        (capsule, blind): (&Reencapsulation, &Blind),
        psk: &RecordPsk,
        context: &Context,
    ) -> RecordKey {
        let inverse = self.inverse.mul(&blind.0.invert_or_zero());
        RecordKey::derive(&shared(capsule, &inverse), psk, context)
    }
}

/// `Z^r` of a capsule that was turned to the delegatee whose secret has this inverse.
fn shared(capsule: &Reencapsulation, inverse: &Scalar) -> Gt {
    match capsule {
        Reencapsulation::Gt(form) => form.0.pow(inverse),
        Reencapsulation::Lv(form) => pairing(&form.x.mul(inverse), &form.y),
    }
}

impl std::fmt::Debug for DelegateeSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "DelegateeSecret", Scalar::SIZE)
    }
}

/// A delegatee's public key, `PK_b = h^b`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DelegateePublic(G2);
point_encoding!(DelegateePublic, G2, "delegatee key (96 bytes)");

/// The key of one record, `K = KDF(Z^r | s_c, context)`: two secrets put together as NIST SP
/// 800-56C has it, so that it is as good as the better one. Not `Clone`: to seal consumes it.
/// Compared in constant time.
pub struct RecordKey(Zeroizing<[u8; 32]>);

impl RecordKey {
    fn derive(shared: &Gt, psk: &RecordPsk, context: &Context) -> Self {
        let shared = shared.to_plain_bytes();
        let both = Zeroizing::new([shared.as_slice(), psk.expose()].concat());
        Self(kdf(label::PRE_RECORD_KEY, &both, &[context.digest()]))
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl RecordKey {
    /// A key that did not come out of a capsule.
    pub(crate) const fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
impl RecordKey {
    pub(crate) fn for_tests(bytes: [u8; 32]) -> Self {
        Self::from_bytes(Zeroizing::new(bytes))
    }
}

impl PartialEq for RecordKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(other.0.as_slice()).into()
    }
}

impl Eq for RecordKey {}

impl std::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "RecordKey", 32)
    }
}
