//! Pseudonyms of visits, signatures under them, and the escrow of identity to the regulators.
//!
//! Letters (protocols section 4): `Nym = PK_a g^k`, `k = H(k_v)`, so its discrete logarithm is `n = a + k`, known to the patient alone. Escrow: ElGamal of `PK_a` to the
//! regulators' key `Y = g^y`: `E1 = g^s`, `E2 = PK_a Y^s`, and a proof of knowledge of `(s, k)` with `E1 = g^s` and `Nym / E2 = g^k Y^(-s)`.
//!
//! # Not promised
//! The escrow's proof shows that what the regulators will find matches the pseudonym, not that it is a certified person's key; the hospital that registers the person
//! vouches for that. Here one key opens; a threshold of regulators holds its shares elsewhere.

use std::fmt;

use rand_core::CryptoRng;

use crate::{
    Error,
    bls::{G1, Scalar},
    label::{self, Label},
};

/// The pseudonym of one visit. 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Nym(G1);

impl Nym {
    /// Bytes of the encoding.
    pub const SIZE: usize = G1::SIZE;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 48] {
        self.0.to_bytes()
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when they are refused.
    pub fn from_bytes(bytes: &[u8; 48]) -> Result<Self, Error> {
        G1::from_bytes(bytes).map(Self)
    }

    /// Verifies a signature under this pseudonym.
    ///
    /// # Errors
    /// [`Error::Signature`] when it does not verify.
    pub fn verify(
        &self,
        label: Label,
        parts: &[&[u8]],
        signature: &NymSignature,
    ) -> Result<(), Error> {
        let NymSignature {
            challenge,
            response,
        } = signature;
        let commitment = G1::times_generator(response).add(&self.0.mul(challenge).neg());
        let commitment = commitment.ok_or(Error::Signature)?;
        let expected = nym_challenge(self, &commitment, label, parts);
        (expected == *challenge)
            .then_some(())
            .ok_or(Error::Signature)
    }
}

/// What the patient knows of a pseudonym: `a` and `k`.
#[derive(Clone)]
pub struct NymSecret {
    root: Scalar,
    visit: Scalar,
}

impl NymSecret {
    pub(crate) const fn new(root: Scalar, visit: Scalar) -> Self {
        Self { root, visit }
    }

    /// The pseudonym.
    #[must_use]
    pub fn nym(&self) -> Nym {
        Nym(G1::times_generator(&self.logarithm()))
    }

    /// Signs under the pseudonym: Schnorr over BLS12-381's G1.
    pub fn sign(&self, label: Label, parts: &[&[u8]], rng: &mut impl CryptoRng) -> NymSignature {
        let nym = self.nym();
        loop {
            let k = Scalar::random(rng);
            let challenge = nym_challenge(&nym, &G1::times_generator(&k), label, parts);
            // Zero with probability 2^-255.
            if let Some(response) = k.add(&challenge.mul(&self.logarithm())) {
                return NymSignature {
                    challenge,
                    response,
                };
            }
        }
    }

    fn logarithm(&self) -> Scalar {
        // Zero with probability 2^-255 over the hash.
        self.root
            .add(&self.visit)
            .unwrap_or_else(|| self.visit.clone())
    }
}

impl fmt::Debug for NymSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NymSecret(64 bytes)")
    }
}

/// A signature under a pseudonym. 64 bytes: challenge, response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NymSignature {
    challenge: Scalar,
    response: Scalar,
}

impl NymSignature {
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

/// The regulators' secret key, `y`.
#[derive(Clone)]
pub struct RegulatorSecret(Scalar);

impl RegulatorSecret {
    /// The key of `seed`, which should be uniform.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Scalar::hash(label::REGULATOR, &[seed]))
    }

    /// `Y`.
    #[must_use]
    pub fn public(&self) -> RegulatorPublic {
        RegulatorPublic(G1::times_generator(&self.0))
    }

    /// Who stands behind an escrow: the patient's root public key, 48 bytes. The escrow is to be verified first.
    ///
    /// # Errors
    /// [`Error::Escrow`] when it opens to nothing.
    pub fn open(&self, escrow: &Escrow) -> Result<[u8; 48], Error> {
        let shared = escrow.ephemeral.mul(&self.0);
        Ok(escrow
            .masked
            .add(&shared.neg())
            .ok_or(Error::Escrow)?
            .to_bytes())
    }
}

impl fmt::Debug for RegulatorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RegulatorSecret(32 bytes)")
    }
}

/// The regulators' public key, `Y`. 48 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RegulatorPublic(G1);

impl RegulatorPublic {
    /// Bytes of the encoding.
    pub const SIZE: usize = G1::SIZE;

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 48] {
        self.0.to_bytes()
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when they are refused.
    pub fn from_bytes(bytes: &[u8; 48]) -> Result<Self, Error> {
        G1::from_bytes(bytes).map(Self)
    }
}

/// A patient's identity under the regulators' key, with the proof that it is the pseudonym's. 192 bytes: `E1` 48, `E2` 48, challenge 32, two responses of 32.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escrow {
    ephemeral: G1,
    masked: G1,
    challenge: Scalar,
    response_s: Scalar,
    response_k: Scalar,
}

impl Escrow {
    /// Bytes of the encoding.
    pub const SIZE: usize = 192;

    /// Escrows the identity behind `secret`'s pseudonym, bound to `context`.
    pub fn make(
        secret: &NymSecret,
        regulators: &RegulatorPublic,
        context: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Self {
        loop {
            if let Some(escrow) = Self::attempt(secret, regulators, context, rng) {
                return escrow;
            }
        }
    }

    /// Fails with probability 2^-253, when a sum is zero.
    fn attempt(
        secret: &NymSecret,
        regulators: &RegulatorPublic,
        context: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Option<Self> {
        let s = Scalar::random(rng);
        let ephemeral = G1::times_generator(&s);
        let masked = G1::times_generator(&secret.root).add(&regulators.0.mul(&s))?;
        let (blind_s, blind_k) = (Scalar::random(rng), Scalar::random(rng));
        let first = G1::times_generator(&blind_s);
        let second = G1::times_generator(&blind_k).add(&regulators.0.mul(&blind_s).neg())?;
        let points = [
            secret.nym().0,
            regulators.0,
            ephemeral,
            masked,
            first,
            second,
        ];
        let challenge = escrow_challenge(&points, context);
        Some(Self {
            ephemeral,
            masked,
            response_s: blind_s.add(&challenge.mul(&s))?,
            response_k: blind_k.add(&challenge.mul(&secret.visit))?,
            challenge,
        })
    }

    /// Checks that the regulators will find the key that `nym` was made from.
    ///
    /// # Errors
    /// [`Error::Escrow`] when they would not, or `context` is another.
    pub fn verify(
        &self,
        nym: &Nym,
        regulators: &RegulatorPublic,
        context: &[u8],
    ) -> Result<(), Error> {
        let expected = self
            .recompute(nym, regulators, context)
            .ok_or(Error::Escrow)?;
        (expected == self.challenge)
            .then_some(())
            .ok_or(Error::Escrow)
    }

    fn recompute(&self, nym: &Nym, regulators: &RegulatorPublic, context: &[u8]) -> Option<Scalar> {
        let Self {
            ephemeral,
            masked,
            challenge,
            response_s,
            response_k,
        } = self;
        let first = G1::times_generator(response_s).add(&ephemeral.mul(challenge).neg())?;
        let difference = nym.0.add(&masked.neg())?;
        let second = G1::times_generator(response_k)
            .add(&regulators.0.mul(response_s).neg())?
            .add(&difference.mul(challenge).neg())?;
        let points = [nym.0, regulators.0, *ephemeral, *masked, first, second];
        Some(escrow_challenge(&points, context))
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let points: [u8; 96] = crate::join(&self.ephemeral.to_bytes(), &self.masked.to_bytes());
        let responses: [u8; 64] =
            crate::join(&self.response_s.to_bytes(), &self.response_k.to_bytes());
        let proof: [u8; 96] = crate::join(&self.challenge.to_bytes(), &responses);
        crate::join(&points, &proof)
    }

    /// Reads its bytes.
    ///
    /// # Errors
    /// [`Error::Encoding`] when a point or scalar is refused.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let (points, proof): ([u8; 96], [u8; 96]) = crate::cut(bytes);
        let (ephemeral, masked) = crate::cut(&points);
        let (challenge, responses): ([u8; 32], [u8; 64]) = crate::cut(&proof);
        let (response_s, response_k) = crate::cut(&responses);
        Ok(Self {
            ephemeral: G1::from_bytes(&ephemeral)?,
            masked: G1::from_bytes(&masked)?,
            challenge: Scalar::from_bytes(&challenge)?,
            response_s: Scalar::from_bytes(&response_s)?,
            response_k: Scalar::from_bytes(&response_k)?,
        })
    }
}

fn nym_challenge(nym: &Nym, commitment: &G1, label: Label, parts: &[&[u8]]) -> Scalar {
    let message = crate::hash::hash(label, parts);
    let points = [nym.to_bytes(), commitment.to_bytes()];
    let [nym, commitment] = &points;
    Scalar::hash(label::NYM_CHALLENGE, &[nym, commitment, &message])
}

fn escrow_challenge(points: &[G1; 6], context: &[u8]) -> Scalar {
    let bytes = points.each_ref().map(G1::to_bytes);
    let mut parts: Vec<&[u8]> = bytes.iter().map(<[u8; 48]>::as_slice).collect();
    parts.push(context);
    Scalar::hash(label::ESCROW_CHALLENGE, &parts)
}
