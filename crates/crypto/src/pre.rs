//! Conditional proxy re-encryption as a KEM: a patient lets a node turn the capsules of one scope towards one reader.
//!
//! From Ateniese, Fu, Green, Hohenberger 2006, section 3.2, with Sakai-Kasahara keys per scope and Libert-Vergnaud 2008 for the form without pairings at the proxy.
//! Letters: delegator (patient at a hospital) `a`, delegatee (reader) `b`, scope `w`, `Z = e(g, h)`.
//!
//! ```text
//! keys            PK_a = g^a            PK_b = h^b
//! scope key       PK_w = PK_a g^t       a_w = a + t,  t = H1(PK_a, w)
//! encapsulate     c = PK_w^r            K = KDF(Z^r, context)       with a proof of knowledge of r, bound to the context
//! decapsulate     Z^r = e(c^(1/a_w), h)
//! rekey           RK = PK_b^(1/a_w)
//! re-encapsulate  z' = e(c, RK)  = Z^(rb)     or  (c^s, RK^(1/s))
//! delegatee       Z^r = z'^(1/b)              or  e(c^s, RK^(1/s))^(1/b)
//! ```
//! # Deviations
//! Keys are per scope (the note: per record). It is a KEM, not an encryption of group elements. The context binds `PK_w` in place of (`PK_a`, `w`), so that neither
//! proxy nor reader needs `PK_a`; since `H1` is a random oracle, `PK_w` commits to both.
//!
//! # Promised
//! Confidentiality against chosen plaintexts and honest re-encryption; unidirectional; single hop. Mauling another record's capsule is stopped by the proof, proxy and delegatee together
//! obtain `h^(1/a_w)` of that scope and no other.
//!
//! # Not promised
//! A reader who was let in keeps what he read. A proxy with a rekey serves that scope for as long as it keeps the rekey.

use std::fmt;

use rand_core::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    Error,
    bls::{G1, G2, Gt, PreparedG2, Scalar, pairing, pairing_prepared, pairings_equal},
    hash::{hash, kdf},
    label,
    pseudonym::Nym,
    scope::Scope,
};

/// The suite that every context binds: BLS12-381, XChaCha20-Poly1305 STREAM.
const SUITE: u8 = 1;

/// The secret key of a patient at one hospital, `a`.
#[derive(Clone)]
pub struct DelegatorSecret(Scalar);

impl DelegatorSecret {
    /// The key `scalar`.
    pub(crate) const fn new(scalar: Scalar) -> Self {
        Self(scalar)
    }

    /// A random key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Scalar::random(rng))
    }

    /// `PK_a`.
    #[must_use]
    pub fn public(&self) -> DelegatorPublic {
        DelegatorPublic(G1::times_generator(&self.0))
    }

    /// `a_w`.
    #[must_use]
    pub fn scope(&self, scope: &Scope) -> ScopeSecret {
        let shift = scope_shift(&self.public(), scope);
        // The sum is zero with probability 2^-255 over the hash.
        ScopeSecret(self.0.add(&shift).unwrap_or(shift))
    }
}

/// The public key of a patient at one hospital, `PK_a`. 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelegatorPublic(G1);

impl DelegatorPublic {
    /// `PK_w`, which anyone can derive.
    #[must_use]
    pub fn scope(&self, scope: &Scope) -> ScopeKey {
        let shift = G1::times_generator(&scope_shift(self, scope));
        // The sum is the identity with probability 2^-255 over the hash.
        ScopeKey(self.0.add(&shift).unwrap_or(shift))
    }
}

/// The secret key of a scope, `a_w`. Never leaves: it gives `a`.
#[derive(Clone)]
pub struct ScopeSecret(Scalar);

impl ScopeSecret {
    /// `PK_w`.
    #[must_use]
    pub fn key(&self) -> ScopeKey {
        ScopeKey(G1::times_generator(&self.0))
    }

    /// The key of a record of this scope.
    #[must_use]
    pub fn decapsulate(&self, capsule: &ProvenCapsule) -> RecordKey {
        let turned = capsule.capsule.0.mul(&self.0.invert());
        let shared = pairing_prepared(&turned, PreparedG2::generator());
        RecordKey::derive(&shared, &capsule.context)
    }

    /// `RK`: lets its holder turn this scope's capsules towards `delegatee`.
    #[must_use]
    pub fn rekey(&self, delegatee: &DelegateePublic) -> Rekey {
        Rekey(delegatee.0.mul(&self.0.invert()))
    }
}

/// The public key of a scope, `PK_w`. 48 bytes. Whoever has it recognises the scope's capsules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopeKey(G1);

impl ScopeKey {
    /// A new record key, its capsule, and the proof that whoever made them knew `r`. The context must be of this scope key.
    pub fn encapsulate(
        &self,
        context: &Context,
        rng: &mut impl CryptoRng,
    ) -> (Capsule, KnowledgeProof, RecordKey) {
        let r = Scalar::random(rng);
        let capsule = Capsule(self.0.mul(&r));
        let key = RecordKey::derive(&Gt::times_generator(&r), context);
        loop {
            let k = Scalar::random(rng);
            let challenge = challenge(self, &capsule, &self.0.mul(&k), context);
            // k + challenge r is zero with probability 2^-255.
            if let Some(response) = k.add(&challenge.mul(&r)) {
                return (
                    capsule,
                    KnowledgeProof {
                        challenge,
                        response,
                    },
                    key,
                );
            }
        }
    }
}

/// What key and proof are bound to: suite, scope key, pseudonym, author commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    digest: [u8; 32],
}

impl Context {
    /// The context of a record sealed under `scope` for the visit `nym` by the author committed to as `author`.
    #[must_use]
    pub fn new(scope: &ScopeKey, nym: &Nym, author: &[u8; 32]) -> Self {
        let parts: [&[u8]; 4] = [&[SUITE], &scope.to_bytes(), &nym.to_bytes(), author];
        Self {
            digest: hash(label::PRE_CONTEXT, &parts),
        }
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

/// `c`. 48 bytes, on the chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capsule(G1);

impl Capsule {
    /// Checks that whoever made the capsule, under `scope` and for `context`, knew `r`.
    ///
    /// # Errors
    /// [`Error::Proof`] when the proof does not verify.
    pub fn verify(
        &self,
        scope: &ScopeKey,
        context: &Context,
        proof: &KnowledgeProof,
    ) -> Result<ProvenCapsule, Error> {
        let KnowledgeProof {
            challenge: claimed,
            response,
        } = proof;
        let left = scope.0.mul(response);
        let right = self.0.mul(claimed);
        let commitment = left.add(&right.neg()).ok_or(Error::Proof)?;
        if challenge(scope, self, &commitment, context) != *claimed {
            return Err(Error::Proof);
        }
        Ok(ProvenCapsule {
            capsule: *self,
            context: *context,
        })
    }
}

/// Schnorr's proof of knowledge of `r` to the base `PK_w`. 64 bytes: challenge, response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnowledgeProof {
    challenge: Scalar,
    response: Scalar,
}

/// Evidence that a capsule was made for its context. Made by [`Capsule::verify`] only; not `Clone`.
#[derive(Debug)]
pub struct ProvenCapsule {
    capsule: Capsule,
    context: Context,
}

impl ProvenCapsule {
    /// The context it was made for.
    #[must_use]
    pub const fn context(&self) -> &Context {
        &self.context
    }
}

/// The key of one record. 32 bytes, used once.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct RecordKey([u8; 32]);

impl RecordKey {
    fn derive(shared: &Gt, context: &Context) -> Self {
        let mut secret = shared.to_uncompressed();
        let key = Self(*kdf(label::RECORD_KEY, &secret, &[&context.digest]));
        secret.zeroize();
        key
    }

    pub(crate) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for RecordKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for RecordKey {}

/// The secret key of a reader, `b`.
#[derive(Clone)]
pub struct DelegateeSecret(Scalar);

impl DelegateeSecret {
    /// A random key.
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Scalar::random(rng))
    }

    /// The key of `seed`, which should be uniform.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Scalar::hash(label::DELEGATEE_SEED, &[seed]))
    }

    /// `PK_b`.
    #[must_use]
    pub fn public(&self) -> DelegateePublic {
        DelegateePublic(G2::times_generator(&self.0))
    }

    /// The key of a record that was turned towards this reader. A wrong re-encapsulation gives a wrong key, which the sealed object's commitment refuses.
    #[must_use]
    pub fn decapsulate(&self, turned: &Reencapsulation, context: &Context) -> RecordKey {
        let inverse = self.0.invert();
        let shared = match turned {
            Reencapsulation::Gt(turned) => turned.0.pow(&inverse),
            Reencapsulation::Lv(turned) => pairing(&turned.capsule.mul(&inverse), &turned.rekey),
        };
        RecordKey::derive(&shared, context)
    }
}

/// The public key of a reader, `PK_b`. 96 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DelegateePublic(G2);

/// `RK`. 96 bytes. With the reader's help it opens its scope: to be given to key holders only.
#[derive(Clone, PartialEq, Eq)]
pub struct Rekey(G2);

impl Rekey {
    /// Checks that it leads from `scope` to `delegatee`: `e(PK_w, RK) = e(g, PK_b)`. Only one who has `a_w` can make such a one.
    ///
    /// # Errors
    /// [`Error::Rekey`] when it does not.
    pub fn verify(&self, scope: &ScopeKey, delegatee: &DelegateePublic) -> Result<(), Error> {
        let good = pairings_equal(&scope.0, &self.0, &G1::generator(), &delegatee.0);
        good.then_some(()).ok_or(Error::Rekey)
    }
}

impl fmt::Debug for Rekey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rekey(96 bytes)")
    }
}

/// Turns a capsule towards the rekey's reader: `z' = e(c, RK)`.
#[must_use]
pub fn reencapsulate(capsule: &ProvenCapsule, rekey: &Rekey) -> GtReencapsulation {
    GtReencapsulation(pairing(&capsule.capsule.0, &rekey.0))
}

/// Turns a capsule towards the rekey's reader without a pairing: `(c^s, RK^(1/s))`.
pub fn reencapsulate_lv(
    capsule: &ProvenCapsule,
    rekey: &Rekey,
    rng: &mut impl CryptoRng,
) -> LvReencapsulation {
    let s = Scalar::random(rng);
    LvReencapsulation {
        capsule: capsule.capsule.0.mul(&s),
        rekey: rekey.0.mul(&s.invert()),
    }
}

/// A capsule turned towards a reader.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "short-lived, and both variants are sent as bytes"
)]
pub enum Reencapsulation {
    /// In GT: one exponentiation for the reader.
    Gt(GtReencapsulation),
    /// In G1 and G2: no pairing for the proxy.
    Lv(LvReencapsulation),
}

/// `z'`. 288 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GtReencapsulation(Gt);

/// `(c^s, RK^(1/s))`. 144 bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LvReencapsulation {
    capsule: G1,
    rekey: G2,
}

impl LvReencapsulation {
    /// Bytes of the encoding.
    pub const SIZE: usize = G1::SIZE + G2::SIZE;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        crate::join(&self.capsule.to_bytes(), &self.rekey.to_bytes())
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when a point is refused.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let (capsule, rekey) = crate::cut(bytes);
        Ok(Self {
            capsule: G1::from_bytes(&capsule)?,
            rekey: G2::from_bytes(&rekey)?,
        })
    }
}

impl KnowledgeProof {
    /// Bytes of the encoding.
    pub const SIZE: usize = 64;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        crate::join(&self.challenge.to_bytes(), &self.response.to_bytes())
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when a scalar is refused.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let (challenge, response) = crate::cut(bytes);
        Ok(Self {
            challenge: Scalar::from_bytes(&challenge)?,
            response: Scalar::from_bytes(&response)?,
        })
    }
}

macro_rules! point {
    ($($name:ident $inner:ident),*) => {$(
        impl $name {
            /// Bytes of the encoding.
            pub const SIZE: usize = $inner::SIZE;

            /// Its bytes.
            #[must_use]
            pub fn to_bytes(&self) -> [u8; $inner::SIZE] {
                self.0.to_bytes()
            }

            /// Reads its bytes.
            ///
            /// # Errors
            /// [`Error::Encoding`] when they are refused.
            pub fn from_bytes(bytes: &[u8; $inner::SIZE]) -> Result<Self, Error> {
                $inner::from_bytes(bytes).map(Self)
            }
        }
    )*};
}
point!(DelegatorPublic G1, ScopeKey G1, Capsule G1, DelegateePublic G2, Rekey G2, GtReencapsulation Gt);

macro_rules! secret {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(32 bytes)"))
            }
        }
    )*};
}
secret!(DelegatorSecret, ScopeSecret, DelegateeSecret, RecordKey);

/// `H1(PK_a, w)`.
fn scope_shift(delegator: &DelegatorPublic, scope: &Scope) -> Scalar {
    Scalar::hash(
        label::SCOPE_SCALAR,
        &[&delegator.to_bytes(), &scope.to_bytes()],
    )
}

fn challenge(scope: &ScopeKey, capsule: &Capsule, commitment: &G1, context: &Context) -> Scalar {
    let points = [
        scope.0.to_bytes(),
        capsule.0.to_bytes(),
        commitment.to_bytes(),
    ];
    let [scope, capsule, commitment] = &points;
    Scalar::hash(
        label::PRE_CHALLENGE,
        &[scope, capsule, commitment, &context.digest],
    )
}
