//! The regulators' secret shared among n of them, of whom t together open an escrow:
//! docs/PROTOCOL.md 4.2.
//!
//! ```text
//! deal     polynomial phi of degree t-1 with phi(0) = y
//!          F_0 = Y, F_j = g^{phi_j}, F(i) = prod F_j^{i^j}              48 (t-1) bytes without F_0
//! share    y_i = phi(i); good when g^{y_i} = F(i)                                      32 bytes
//! part     D_i = E1^{y_i}                                                              48 bytes
//!   proof  A1 = g^k, A2 = E1^k, e = H(i, F(i), E1, E2, N, D_i, A1, A2, context),
//!          s = k + e y_i                                                   64 bytes: e, s
//! combine  PK_a = E2 (prod D_i^{l_i})^-1, l_i Lagrange's coefficients at 0
//! ```
//! Fewer than t regulators learn nothing of `PK_a`. The proof (Chaum and Pedersen 1992) says that
//! `D_i` is of the share that was dealt, so a wrong part names its regulator, to anybody.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use super::{Escrow, Nym, RegulatorPublic, RegulatorSecret};
use crate::{
    Error,
    bls::{G1, Scalar, hash_to_scalar},
    encoding::{debug_public_values, debug_secret, field, join},
    label,
    pre::{HOLDERS_MAX, HolderIndex, ShareCommitment, lagrange_at_zero},
};

debug_public_values!(EscrowPart);

/// The regulators' key, and what their shares of its secret are checked against.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regulators {
    /// `Y`.
    pub key: RegulatorPublic,
    /// `F_1 .. F_{t-1}`.
    pub commitment: ShareCommitment,
}

impl From<RegulatorPublic> for Regulators {
    /// A regulator alone.
    fn from(key: RegulatorPublic) -> Self {
        Self {
            key,
            commitment: ShareCommitment::to(&[]),
        }
    }
}

impl Regulators {
    /// How many regulators it takes to open an escrow.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.commitment.threshold()
    }

    /// `F(i)`.
    fn at(&self, index: HolderIndex) -> G1 {
        self.commitment.evaluate(self.key.0, index)
    }
}

impl RegulatorSecret {
    /// Shares the secret among `count` regulators, any `threshold` of whom suffice; the shares in
    /// the order of their numbers.
    ///
    /// # Errors
    /// [`Error::Threshold`] unless 1 <= threshold <= count <= [`HOLDERS_MAX`].
    pub fn deal(
        &self,
        threshold: usize,
        count: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<(Regulators, Vec<RegulatorShare>), Error> {
        if threshold == 0 || threshold > count || count > HOLDERS_MAX {
            return Err(Error::Threshold);
        }
        let secret = Zeroizing::new(self.0.to_bytes());
        let coefficients: Vec<Scalar> = (1..threshold)
            .map(|number| {
                let parts: [&[u8]; 1] = [&number.to_be_bytes()];
                Scalar::hedged(label::REGULATOR_DEAL, secret.as_slice(), &parts, rng)
            })
            .collect();
        let share = |place| {
            let index = HolderIndex::at(place)?;
            let whole = Scalar::from_bytes(&secret).ok()?;
            let value = index.evaluate(whole, &coefficients);
            Some(RegulatorShare { index, value })
        };
        let regulators = Regulators {
            key: self.public(),
            commitment: ShareCommitment::to(&coefficients),
        };
        Ok((regulators, (0..count).filter_map(share).collect()))
    }
}

/// One regulator's share of the secret, `y_i`.
pub struct RegulatorShare {
    index: HolderIndex,
    value: Scalar,
}

impl RegulatorShare {
    /// Bytes of the share.
    pub const SIZE: usize = Scalar::SIZE;

    /// The share of the regulator `index`, as [`RegulatorShare::expose`] gave it.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(index: HolderIndex, bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let value = Scalar::from_bytes(bytes)?;
        Ok(Self { index, value })
    }

    /// Its bytes, to be kept by its regulator and nobody else.
    #[must_use]
    pub fn expose(&self) -> Zeroizing<[u8; Self::SIZE]> {
        Zeroizing::new(self.value.to_bytes())
    }

    /// The regulator's number.
    #[must_use]
    pub const fn index(&self) -> HolderIndex {
        self.index
    }

    /// Checks that it is one of the shares that were dealt.
    ///
    /// # Errors
    /// [`Error::EscrowPart`] when it is not.
    pub fn verify(&self, regulators: &Regulators) -> Result<(), Error> {
        let good = G1::power_of_generator(&self.value) == regulators.at(self.index);
        good.then_some(()).ok_or(Error::EscrowPart)
    }
}

impl std::fmt::Debug for RegulatorShare {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        debug_secret(f, "RegulatorShare", Scalar::SIZE)
    }
}

/// An escrow that was shown to hold the key under its pseudonym. Parts are made of no other: else
/// one could have somebody's escrow opened under another's pseudonym.
#[derive(Debug, Clone)]
pub struct ProvenEscrow {
    escrow: Escrow,
    nym: Nym,
}

impl Escrow {
    /// The escrow, once it [verifies](Escrow::verify).
    ///
    /// # Errors
    /// [`Error::Escrow`] when it does not.
    pub fn prove(
        self,
        nym: &Nym,
        regulators: &RegulatorPublic,
        context: &[u8],
    ) -> Result<ProvenEscrow, Error> {
        self.verify(nym, regulators, context)?;
        Ok(ProvenEscrow {
            escrow: self,
            nym: *nym,
        })
    }
}

/// One regulator's part of an opening, with a proof that it is of the regulator's share.
#[derive(Clone, PartialEq, Eq)]
pub struct EscrowPart {
    part: G1,
    challenge: Scalar,
    response: Scalar,
}

impl EscrowPart {
    /// Bytes of the encoding: `D_i` 48, challenge 32, response 32.
    pub const SIZE: usize = G1::SIZE + 2 * Scalar::SIZE;

    /// The part of whoever holds `share`, bound to `context`.
    #[must_use]
    pub fn make(
        escrow: &ProvenEscrow,
        share: &RegulatorShare,
        context: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Self {
        let ephemeral = &escrow.escrow.ephemeral;
        let part = ephemeral.mul(&share.value);
        let expected = G1::power_of_generator(&share.value);
        let secret = share.expose();
        let parts: [&[u8]; 3] = [&escrow.escrow.to_bytes(), &part.to_bytes(), context];
        let k = Scalar::hedged(label::OPENING_PROOF, secret.as_slice(), &parts, rng);
        let commitments = [G1::power_of_generator(&k), ephemeral.mul(&k)];
        let of = (share.index, &expected);
        let challenge = challenge(escrow, of, &part, &commitments, context);
        Self {
            part,
            response: k.add(&challenge.mul(&share.value)),
            challenge,
        }
    }

    /// Checks that this is what the regulator `index` had to answer for the escrow.
    ///
    /// # Errors
    /// [`Error::EscrowPart`] when it is not: that regulator is at fault.
    pub fn verify(
        &self,
        escrow: &ProvenEscrow,
        (regulators, index): (&Regulators, HolderIndex),
        context: &[u8],
    ) -> Result<(), Error> {
        let expected = regulators.at(index);
        let commitments = [
            G1::power_of_generator(&self.response).add(&expected.mul(&self.challenge).negate()),
            escrow
                .escrow
                .ephemeral
                .mul(&self.response)
                .add(&self.part.mul(&self.challenge).negate()),
        ];
        let of = (index, &expected);
        let challenge = challenge(escrow, of, &self.part, &commitments, context);
        (challenge == self.challenge)
            .then_some(())
            .ok_or(Error::EscrowPart)
    }

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let proof: [u8; 64] = join(&self.challenge.to_bytes(), &self.response.to_bytes());
        join(&self.part.to_bytes(), &proof)
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let refused = |_| Error::Encoding {
            what: "part of an opening (112 bytes)",
        };
        let scalar = |bytes| Scalar::from_bytes(&bytes).map_err(refused);
        Ok(Self {
            part: G1::from_bytes(&field::<0, 48, { Self::SIZE }>(bytes)).map_err(refused)?,
            challenge: scalar(field::<48, 32, { Self::SIZE }>(bytes))?,
            response: scalar(field::<80, 32, { Self::SIZE }>(bytes))?,
        })
    }
}

/// The patient's root key `PK_a`, compressed, out of the parts of different regulators; as many as
/// the threshold are needed, and more do no harm. Parts are not verified: with a wrong one, or too
/// few, the result is nobody's key.
///
/// # Errors
/// [`Error::Threshold`] when there is none, or two are of one regulator.
pub fn combine(
    escrow: &ProvenEscrow,
    parts: &[(HolderIndex, &EscrowPart)],
) -> Result<[u8; G1::SIZE], Error> {
    let holders: Vec<HolderIndex> = parts.iter().map(|(index, _)| *index).collect();
    let mut key: Option<G1> = None;
    for (index, part) in parts {
        let coefficient = lagrange_at_zero(*index, &holders)?;
        let taken = part.part.mul(&coefficient).negate();
        key = Some(key.unwrap_or(escrow.escrow.hidden).add(&taken));
    }
    key.map(|key| key.to_bytes()).ok_or(Error::Threshold)
}

/// e = H(i, F(i), E1, E2, N, D_i, A1, A2, context).
fn challenge(
    escrow: &ProvenEscrow,
    (index, expected): (HolderIndex, &G1),
    part: &G1,
    [first, second]: &[G1; 2],
    context: &[u8],
) -> Scalar {
    let ProvenEscrow { escrow, nym } = escrow;
    let parts: [&[u8]; 9] = [
        &[index.get()],
        &expected.to_bytes(),
        &escrow.ephemeral.to_bytes(),
        &escrow.hidden.to_bytes(),
        &nym.to_bytes(),
        &part.to_bytes(),
        &first.to_bytes(),
        &second.to_bytes(),
        context,
    ];
    hash_to_scalar(label::OPENING_PROOF, &parts)
}
