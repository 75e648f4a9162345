//! Pseudonyms: one name for each visit, unlinkable, signed under, with an identity that only the
//! regulators can read.
//!
//! docs/PROTOCOL.md 4. `PK_a = g^a` is the patient's root key, shown to nobody; `d = H(k_v)`
//! differs from visit to visit; `Y = g^y` is the regulators' key.
//! ```text
//! nym        N = PK_a g^d = g^{a+d}
//! signature  R = g^k, e = H(N, R, message), s = k + e (a + d)       64 bytes: e, s
//! escrow     E1 = g^u, E2 = PK_a Y^u, which is ElGamal of PK_a      192 bytes: E1, E2, e, s1, s2
//!            with a proof of (u, d) such that E1 = g^u and E2 / N = Y^u g^-d:
//!            A1 = g^k, A2 = Y^k g^-m, e = H(N, Y, E1, E2, A1, A2, context),
//!            s1 = k + e u, s2 = m + e d
//! open       PK_a = E2 E1^-y
//! ```
//! k, u and m are hedged: drawn from randomness, secret and message together.
//!
//! # Not promised
//! The escrow's proof says that it holds the key under this pseudonym, and with a signature under
//! the pseudonym that the signer knows that key's secret. It does not say that the key belongs to a
//! person: the hospital that registers the patient vouches for that. Who sees `PK_a` and an offset
//! links that visit.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

mod opening;

pub use opening::{EscrowPart, ProvenEscrow, RegulatorShare, Regulators, combine};

use crate::{
    Error,
    bls::{G1, Scalar, hash_to_scalar},
    encoding::{debug_public_values, debug_secret, field, join, point_encoding, schnorr_encoding},
    hash::hash,
    label::{self, Label},
    seed::PatientKeys,
};

debug_public_values!(Nym, NymSignature, RegulatorPublic, Escrow);

/// The pseudonym of one visit.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Nym(G1);
point_encoding!(Nym, G1, "pseudonym (48 bytes)");

impl Nym {
    /// Checks that whoever knows the pseudonym's secret signed `message`, in parts, for the purpose
    /// of `label`.
    ///
    /// # Errors
    /// [`Error::Signature`] when he did not.
    pub fn verify(
        &self,
        label: Label,
        message: &[&[u8]],
        signature: &NymSignature,
    ) -> Result<(), Error> {
        let commitment = G1::power_of_generator(&signature.response)
            .add(&self.0.mul(&signature.challenge).negate());
        let challenge = signature_challenge(self, &commitment, &hash(label, message));
        (challenge == signature.challenge)
            .then_some(())
            .ok_or(Error::Signature)
    }
}

/// The secret of a pseudonym: `a + d`, and `d` by itself. Not exported; comes from the patient's
/// seed again.
pub struct NymSecret {
    secret: Scalar,
    offset: Scalar,
    nym: Nym,
}

impl NymSecret {
    pub(crate) fn new(root: &Scalar, offset: Scalar) -> Self {
        let secret = root.add(&offset);
        let nym = Nym(G1::power_of_generator(&secret));
        Self {
            secret,
            offset,
            nym,
        }
    }

    /// The pseudonym.
    #[must_use]
    pub const fn nym(&self) -> Nym {
        self.nym
    }

    /// Signs `message`, in parts, for the purpose of `label`.
    #[must_use]
    pub fn sign(&self, label: Label, message: &[&[u8]], rng: &mut impl CryptoRng) -> NymSignature {
        let message = hash(label, message);
        let secret = Zeroizing::new(self.secret.to_bytes());
        let parts: [&[u8]; 2] = [&self.nym.to_bytes(), &message];
        let k = Scalar::hedged(label::NYM_SIGNATURE, secret.as_slice(), &parts, rng);
        let commitment = G1::power_of_generator(&k);
        let challenge = signature_challenge(&self.nym, &commitment, &message);
        let response = k.add(&challenge.mul(&self.secret));
        NymSignature {
            challenge,
            response,
        }
    }
}

impl std::fmt::Debug for NymSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "NymSecret", 2 * Scalar::SIZE)
    }
}

/// A signature under a pseudonym (Schnorr).
#[derive(Clone, PartialEq, Eq)]
pub struct NymSignature {
    challenge: Scalar,
    response: Scalar,
}
schnorr_encoding!(NymSignature, "signature under a pseudonym (64 bytes)");

fn signature_challenge(nym: &Nym, commitment: &G1, message: &[u8; 32]) -> Scalar {
    hash_to_scalar(
        label::NYM_SIGNATURE,
        &[&nym.to_bytes(), &commitment.to_bytes(), message],
    )
}

/// The regulators' key, `Y`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RegulatorPublic(G1);
point_encoding!(RegulatorPublic, G1, "regulators' key (48 bytes)");

/// The regulators' secret, `y`. Not exported: whoever deals it forgets it, and t of n regulators
/// open an escrow with their [`RegulatorShare`]s.
pub struct RegulatorSecret(Scalar);

impl RegulatorSecret {
    /// A fresh secret.
    #[must_use]
    pub fn random(rng: &mut impl CryptoRng) -> Self {
        Self(Scalar::random(rng))
    }

    /// The secret of a seed of 32 uniform bytes.
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(Scalar::derive(label::REGULATOR, seed, &[]))
    }

    /// Y.
    #[must_use]
    pub fn public(&self) -> RegulatorPublic {
        RegulatorPublic(G1::power_of_generator(&self.0))
    }
}

impl std::fmt::Debug for RegulatorSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "RegulatorSecret", Scalar::SIZE)
    }
}

/// A patient's identity under the regulators' key, with a proof that it is the one under a
/// pseudonym.
#[derive(Clone, PartialEq, Eq)]
pub struct Escrow {
    /// E1.
    ephemeral: G1,
    /// E2.
    hidden: G1,
    challenge: Scalar,
    /// s1.
    ephemeral_response: Scalar,
    /// s2.
    offset_response: Scalar,
}

impl Escrow {
    /// Bytes of the encoding: E1 48, E2 48, challenge 32, responses 32 and 32.
    pub const SIZE: usize = 2 * G1::SIZE + 3 * Scalar::SIZE;

    /// Hides the identity of `patient` under the key of `regulators`, bound to the pseudonym of
    /// `nym` and to `context`.
    #[must_use]
    pub fn make(
        patient: &PatientKeys,
        nym: &NymSecret,
        regulators: &RegulatorPublic,
        context: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Self {
        let secret = Zeroizing::new(nym.offset.to_bytes());
        let (named, key) = (nym.nym.to_bytes(), regulators.to_bytes());
        let mut hedged = |number: u8| {
            let parts: [&[u8]; 4] = [&named, &key, context, &[number]];
            Scalar::hedged(label::ESCROW_PROOF, secret.as_slice(), &parts, rng)
        };
        let u = hedged(1);
        let ephemeral = G1::power_of_generator(&u);
        let hidden = patient.root_public().add(&regulators.0.mul(&u));

        let (k, m) = (hedged(2), hedged(3));
        let commitments = [
            G1::power_of_generator(&k),
            regulators
                .0
                .mul(&k)
                .add(&G1::power_of_generator(&m).negate()),
        ];
        let challenge = escrow_challenge(
            &nym.nym,
            regulators,
            [&ephemeral, &hidden],
            &commitments,
            context,
        );
        Self {
            ephemeral,
            hidden,
            ephemeral_response: k.add(&challenge.mul(&u)),
            offset_response: m.add(&challenge.mul(&nym.offset)),
            challenge,
        }
    }

    /// Checks that the regulators would find the key under `nym`, and that the escrow was made for
    /// `context`.
    ///
    /// # Errors
    /// [`Error::Escrow`] when they would not or it was not.
    pub fn verify(
        &self,
        nym: &Nym,
        regulators: &RegulatorPublic,
        context: &[u8],
    ) -> Result<(), Error> {
        let difference = self.hidden.add(&nym.0.negate());
        let commitments = [
            G1::power_of_generator(&self.ephemeral_response)
                .add(&self.ephemeral.mul(&self.challenge).negate()),
            regulators
                .0
                .mul(&self.ephemeral_response)
                .add(&G1::power_of_generator(&self.offset_response).negate())
                .add(&difference.mul(&self.challenge).negate()),
        ];
        let pair = [&self.ephemeral, &self.hidden];
        let challenge = escrow_challenge(nym, regulators, pair, &commitments, context);
        (challenge == self.challenge)
            .then_some(())
            .ok_or(Error::Escrow)
    }

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let points: [u8; 96] = join(&self.ephemeral.to_bytes(), &self.hidden.to_bytes());
        let responses: [u8; 64] = join(
            &self.ephemeral_response.to_bytes(),
            &self.offset_response.to_bytes(),
        );
        let proof: [u8; 96] = join(&self.challenge.to_bytes(), &responses);
        join(&points, &proof)
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let refused = |_| Error::Encoding {
            what: "escrow (192 bytes)",
        };
        let point = |bytes| G1::from_bytes(&bytes).map_err(refused);
        let scalar = |bytes| Scalar::from_bytes(&bytes).map_err(refused);
        Ok(Self {
            ephemeral: point(field::<0, 48, { Self::SIZE }>(bytes))?,
            hidden: point(field::<48, 48, { Self::SIZE }>(bytes))?,
            challenge: scalar(field::<96, 32, { Self::SIZE }>(bytes))?,
            ephemeral_response: scalar(field::<128, 32, { Self::SIZE }>(bytes))?,
            offset_response: scalar(field::<160, 32, { Self::SIZE }>(bytes))?,
        })
    }
}

/// e = H(N, Y, E1, E2, A1, A2, context).
fn escrow_challenge(
    nym: &Nym,
    regulators: &RegulatorPublic,
    [ephemeral, hidden]: [&G1; 2],
    [first, second]: &[G1; 2],
    context: &[u8],
) -> Scalar {
    let parts: [&[u8]; 7] = [
        &nym.to_bytes(),
        &regulators.to_bytes(),
        &ephemeral.to_bytes(),
        &hidden.to_bytes(),
        &first.to_bytes(),
        &second.to_bytes(),
        context,
    ];
    hash_to_scalar(label::ESCROW_PROOF, &parts)
}
