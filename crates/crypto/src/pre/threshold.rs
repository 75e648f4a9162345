//! Rekeys shared among n key holders, of whom k together turn a capsule: docs/PROTOCOL.md 2.4.
//!
//! ```text
//! deal        polynomial phi of degree k-1 with phi(0) = 1
//!             F_j = g^{phi_j}, F_0 = g, F(i) = prod F_j^{i^j} = g^{phi(i)}    48 (k-1) bytes
//! share       RK_i = PK_b^{phi(i)/a_w}; good when e(PK_{a,w}, RK_i) = e(F(i), PK_b)    96 bytes
//! partial     z_i = e(c, RK_i) = Z^{r b phi(i)}                                288 bytes
//!   proof     psi(X) = (e(PK_{a,w}, X), e(c, X)); T = psi(R) for a random R,             128 bytes
//!             e = H(.., T), S = R + e RK_i; good when psi(S) = T (e(F(i), PK_b), z_i)^e
//! combine     z' = prod z_i^{l_i}, l_i Lagrange's coefficients at 0
//! ```
//! Fewer than k holders learn nothing that they could turn a capsule with. Whoever deals cannot
//! hand out shares that do not fit, and a holder cannot answer with anything but its share's
//! partial without being named: the proof is Schnorr's for the homomorphism psi, and convinces
//! anybody.

use core::num::NonZeroU8;

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::{
    Error,
    bls::{G1, G2, Gt, Scalar, hash_to_scalar, multi_pairing, pairing, pairings_equal},
    encoding::{field, join},
    label,
};

use super::{DelegateePublic, GtReencapsulation, ProvenCapsule, Rekey, ScopeKey, ScopeSecret};

/// The most key holders of one deal.
pub const HOLDERS_MAX: usize = 32;

/// A key holder's number in a deal: 1 to [`HOLDERS_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HolderIndex(NonZeroU8);

impl HolderIndex {
    /// The holder at `place`, counted from 0.
    #[must_use]
    pub fn at(place: usize) -> Option<Self> {
        let number = u8::try_from(place.checked_add(1)?).ok()?;
        let number = NonZeroU8::new(number)?;
        (usize::from(number.get()) <= HOLDERS_MAX).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0.get()
    }

    fn scalar(self) -> Scalar {
        Scalar::small(self.0)
    }

    /// `c_0 + c_1 i + c_2 i^2 + ..` at this holder's number.
    pub(crate) fn evaluate(self, constant: Scalar, coefficients: &[Scalar]) -> Scalar {
        let i = self.scalar();
        let (mut power, mut value) = (self.scalar(), constant);
        for coefficient in coefficients {
            value = value.add(&coefficient.mul(&power));
            power = power.mul(&i);
        }
        value
    }
}

/// What a share is checked against: `F_1 .. F_{k-1}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShareCommitment(Vec<G1>);

impl ShareCommitment {
    /// Bytes of each of its points.
    pub const POINT_SIZE: usize = G1::SIZE;

    /// How many holders it takes.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.0.len() + 1
    }

    /// The canonical encoding of each point, [`Self::POINT_SIZE`] bytes.
    pub fn to_points(&self) -> impl ExactSizeIterator<Item = [u8; G1::SIZE]> + '_ {
        self.0.iter().map(G1::to_bytes)
    }

    /// Reads the points' canonical encodings.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else, and for [`HOLDERS_MAX`] points or more.
    pub fn from_points(points: &[[u8; G1::SIZE]]) -> Result<Self, Error> {
        let wrong = Error::Encoding {
            what: "share commitment (up to 31 points of 48 bytes)",
        };
        if points.len() >= HOLDERS_MAX {
            return Err(wrong);
        }
        let points: Result<Vec<G1>, _> = points.iter().map(G1::from_bytes).collect();
        points.map(Self).map_err(|_| wrong)
    }

    /// The commitment to these coefficients, the constant left out.
    pub(crate) fn to(coefficients: &[Scalar]) -> Self {
        Self(coefficients.iter().map(G1::power_of_generator).collect())
    }

    /// `F(i)`, of a rekey's deal: `F_0 = g`.
    fn at(&self, index: HolderIndex) -> G1 {
        self.evaluate(G1::generator(), index)
    }

    /// `F(i)`, of a deal with this `F_0`.
    pub(crate) fn evaluate(&self, constant: G1, index: HolderIndex) -> G1 {
        let i = index.scalar();
        let (mut power, mut sum) = (index.scalar(), constant);
        for point in &self.0 {
            sum = sum.add(&point.mul(&power));
            power = power.mul(&i);
        }
        sum
    }
}

impl ScopeSecret {
    /// Shares the rekey to `delegatee` among `count` holders, any `threshold` of whom suffice; the
    /// shares in the order of their holders.
    ///
    /// # Errors
    /// [`Error::Threshold`] unless 1 <= threshold <= count <= [`HOLDERS_MAX`].
    pub fn deal(
        &self,
        delegatee: &DelegateePublic,
        threshold: usize,
        count: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<(ShareCommitment, Vec<Rekey>), Error> {
        if threshold == 0 || threshold > count || count > HOLDERS_MAX {
            return Err(Error::Threshold);
        }
        let secret = Zeroizing::new(self.inverse.to_bytes());
        let reader = delegatee.to_bytes();
        let mut coefficient = |number: usize| {
            let parts: [&[u8]; 2] = [&reader, &number.to_be_bytes()];
            Scalar::hedged(label::PRE_DEAL, secret.as_slice(), &parts, rng)
        };
        let coefficients: Vec<Scalar> = (1..threshold).map(&mut coefficient).collect();
        let whole = self.rekey(delegatee);
        let share = |place| {
            let value = HolderIndex::at(place)?.evaluate(one(), &coefficients);
            Some(Rekey(whole.0.mul(&value)))
        };
        let shares = (0..count).filter_map(share).collect();
        Ok((ShareCommitment::to(&coefficients), shares))
    }
}

impl Rekey {
    /// Checks that this is the share of holder `index` of the rekey from `scope_key` to
    /// `delegatee`.
    ///
    /// # Errors
    /// [`Error::Rekey`] when it is not.
    pub fn verify_share(
        &self,
        index: HolderIndex,
        commitment: &ShareCommitment,
        scope_key: &ScopeKey,
        delegatee: &DelegateePublic,
    ) -> Result<(), Error> {
        let expected = (&commitment.at(index), &delegatee.0);
        let good = pairings_equal((&scope_key.0, &self.0), expected);
        good.then_some(()).ok_or(Error::Rekey)
    }
}

/// What a partial is about: who turns which scope's capsules to whom.
#[derive(Debug, Clone, Copy)]
pub struct PartialContext<'a> {
    /// The scope.
    pub scope_key: &'a ScopeKey,
    /// The reader.
    pub delegatee: &'a DelegateePublic,
    /// The holder.
    pub index: HolderIndex,
    /// What its share was checked against.
    pub commitment: &'a ShareCommitment,
}

/// One holder's part of a re-encapsulation, with a proof that it is of the holder's share.
#[derive(Clone, PartialEq, Eq)]
pub struct Partial {
    form: Gt,
    challenge: Scalar,
    response: G2,
}

impl std::fmt::Debug for Partial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        crate::encoding::debug_public(f, "Partial", &self.form.to_bytes())
    }
}

impl Partial {
    /// Bytes of the encoding: `z_i` 288, challenge 32, response 96.
    pub const SIZE: usize = Gt::SIZE + PROOF_SIZE;

    /// The canonical encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; Self::SIZE] {
        let proof: [u8; PROOF_SIZE] = join(&self.challenge.to_bytes(), &self.response.to_bytes());
        join(&self.form.to_bytes(), &proof)
    }

    /// Reads the canonical encoding.
    ///
    /// # Errors
    /// [`Error::Encoding`] for anything else.
    pub fn from_bytes(bytes: &[u8; Self::SIZE]) -> Result<Self, Error> {
        let what = |_| Error::Encoding {
            what: "partial re-encapsulation (416 bytes)",
        };
        let form = field::<0, { Gt::SIZE }, { Self::SIZE }>(bytes);
        let challenge = field::<{ Gt::SIZE }, { Scalar::SIZE }, { Self::SIZE }>(bytes);
        let response = field::<{ Gt::SIZE + Scalar::SIZE }, { G2::SIZE }, { Self::SIZE }>(bytes);
        Ok(Self {
            form: Gt::from_bytes(&form).map_err(what)?,
            challenge: Scalar::from_bytes(&challenge).map_err(what)?,
            response: G2::from_bytes(&response).map_err(what)?,
        })
    }

    /// Turns `capsule` with the share of the context's holder.
    #[must_use]
    pub fn make(
        capsule: &ProvenCapsule,
        share: &Rekey,
        context: &PartialContext<'_>,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let form = pairing(&capsule.capsule.0, &share.0);
        let secret = Zeroizing::new(share.to_bytes());
        let parts: [&[u8]; 4] = [
            &context.scope_key.to_bytes(),
            &form.to_bytes(),
            capsule.context.digest(),
            &context.delegatee.to_bytes(),
        ];
        let blind = Scalar::hedged(label::PRE_PARTIAL, secret.as_slice(), &parts, rng);
        let blind = G2::power_of_generator(&blind);
        let t = [
            pairing(&context.scope_key.0, &blind),
            pairing(&capsule.capsule.0, &blind),
        ];
        let challenge = challenge(capsule, context, &form, &t);
        let response = blind.add(&share.0.mul(&challenge));
        Self {
            form,
            challenge,
            response,
        }
    }

    /// Checks that this is what the context's holder had to answer for `capsule`.
    ///
    /// # Errors
    /// [`Error::Partial`] when it is not: that holder is at fault.
    pub fn verify(
        &self,
        capsule: &ProvenCapsule,
        context: &PartialContext<'_>,
    ) -> Result<(), Error> {
        let back = self.challenge.negate();
        let expected = context.commitment.at(context.index).mul(&back);
        let t = [
            multi_pairing(&[
                (&context.scope_key.0, &self.response),
                (&expected, &context.delegatee.0),
            ]),
            pairing(&capsule.capsule.0, &self.response).mul(&self.form.pow(&back)),
        ];
        let good = challenge(capsule, context, &self.form, &t) == self.challenge;
        good.then_some(()).ok_or(Error::Partial)
    }
}

fn one() -> Scalar {
    Scalar::small(NonZeroU8::MIN)
}

/// Bytes of a proof: challenge, response.
const PROOF_SIZE: usize = Scalar::SIZE + G2::SIZE;

fn challenge(
    capsule: &ProvenCapsule,
    context: &PartialContext<'_>,
    form: &Gt,
    t: &[Gt; 2],
) -> Scalar {
    hash_to_scalar(
        label::PRE_PARTIAL,
        &[
            &context.scope_key.to_bytes(),
            &capsule.capsule.to_bytes(),
            capsule.context.digest(),
            &context.delegatee.to_bytes(),
            &[context.index.get()],
            &context.commitment.at(context.index).to_bytes(),
            &form.to_bytes(),
            &t[0].to_bytes(),
            &t[1].to_bytes(),
        ],
    )
}

/// Puts the partials of different holders together; as many as the threshold are needed, and more
/// do no harm. Partials are not verified: with a wrong one among them, the result opens nothing.
///
/// # Errors
/// [`Error::Threshold`] when there is none, or two are of one holder.
pub fn combine(partials: &[(HolderIndex, &Partial)]) -> Result<GtReencapsulation, Error> {
    let mut sum: Option<Gt> = None;
    let holders: Vec<HolderIndex> = partials.iter().map(|(index, _)| *index).collect();
    for (index, partial) in partials {
        let coefficient = lagrange_at_zero(*index, &holders)?;
        let part = partial.form.pow(&coefficient);
        sum = Some(match sum {
            Some(sum) => sum.mul(&part),
            None => part,
        });
    }
    sum.map(GtReencapsulation).ok_or(Error::Threshold)
}

/// `prod j / (j - i)` over the other holders `j`.
///
/// # Errors
/// [`Error::Threshold`] when the holder is not among them once.
pub(crate) fn lagrange_at_zero(
    index: HolderIndex,
    holders: &[HolderIndex],
) -> Result<Scalar, Error> {
    let (i, mut above, mut below) = (index.scalar(), one(), one());
    if holders.iter().filter(|other| **other == index).count() != 1 {
        return Err(Error::Threshold);
    }
    for other in holders.iter().filter(|other| **other != index) {
        let j = other.scalar();
        above = above.mul(&j);
        below = below.mul(&j.sub(&i));
    }
    let below = below.invert().ok_or(Error::Threshold)?;
    Ok(above.mul(&below))
}
