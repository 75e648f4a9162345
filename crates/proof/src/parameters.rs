//! The three named parameter sets, and what each is worth.
//!
//! Bits of soundness are given in two accountings. *Proven* is what the literature proves about FRI
//! (the better of unique and list decoding). *Conjectured* assumes that no attack does better than
//! the known ones against random words. Both count the grinding; neither exceeds the 128 bits of
//! the hash functions. `cargo test -p yilian-proof securities` prints them for every size.

use p3_air::AirLayout;
use p3_field::{
    ExtensionField, PrimeCharacteristicRing, TwoAdicField, coset::TwoAdicMultiplicativeCoset,
};
use p3_fri::FriParameters;
use p3_goldilocks::Goldilocks;
use p3_uni_stark::{ConjecturedSecurity, OpeningShape, ProvenSecurity, StarkSecurityParams};

use crate::{
    air::{PreimageAir, SLOT},
    key::TraceKey,
    stark::{Cubic, Quadratic},
};

/// A named choice of every parameter of a proof, for each number of packs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterSet {
    /// The shortest proof, for a pack or a few: 100 bits conjectured. With more packs it is
    /// [`ParameterSet::Balanced`].
    Compact,
    /// Quick to prove, quick to verify: 100 bits conjectured.
    Balanced,
    /// 128 bits proven, four times the bytes.
    Proven128,
}

/// Bits of soundness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Security {
    /// Against the best attacks known.
    pub conjectured: usize,
    /// Against all.
    pub proven: usize,
}

/// The field that challenges come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extension {
    /// 2^128 elements.
    Quadratic,
    /// 2^192 elements.
    Cubic,
}

/// Every parameter of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Parameters {
    pub(crate) extension: Extension,
    pub(crate) slots: usize,
    pub(crate) log_blowup: usize,
    pub(crate) queries: usize,
    pub(crate) grinding: usize,
    /// Bytes of a proof, at most.
    pub(crate) proof_max: usize,
}

impl ParameterSet {
    /// Every set.
    pub const ALL: [Self; 3] = [Self::Compact, Self::Balanced, Self::Proven128];

    /// The set of every proof on a chain: what its ledger demands, and provers hold to.
    pub const ON_CHAIN: Self = Self::Balanced;

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compact => "compact",
            Self::Balanced => "balanced",
            Self::Proven128 => "proven-128",
        }
    }

    /// What a proof of `packs` packs is worth.
    #[must_use]
    pub fn security(self, packs: usize) -> Security {
        let parameters = self.parameters(packs);
        match parameters.extension {
            Extension::Quadratic => parameters.security::<Quadratic>(packs),
            Extension::Cubic => parameters.security::<Cubic>(packs),
        }
    }

    /// Large tables take a small blow-up: there the prover's transforms cost most.
    pub(crate) fn parameters(self, packs: usize) -> Parameters {
        use Extension::{Cubic, Quadratic};
        let (extension, log_blowup, queries, grinding) = match (self, packs) {
            (Self::Compact, ..=4) => (Quadratic, 9, 10, 14),
            (Self::Compact, ..=16) => (Quadratic, 7, 12, 18),
            (Self::Balanced, ..=16) => (Quadratic, 5, 18, 16),
            (Self::Compact | Self::Balanced, ..=256) => (Quadratic, 4, 22, 16),
            (Self::Compact | Self::Balanced, _) => (Quadratic, 3, 29, 16),
            (Self::Proven128, ..=256) => (Cubic, 5, 46, 16),
            (Self::Proven128, _) => (Cubic, 3, 80, 16),
        };
        let mut parameters = Parameters {
            extension,
            slots: packs.next_power_of_two(),
            log_blowup,
            queries,
            grinding,
            proof_max: 0,
        };
        parameters.slots = parameters.slots.max(parameters.slots_to_hide());
        parameters.proof_max = parameters.longest();
        parameters
    }
}

impl Parameters {
    /// Coefficients of FRI's last polynomial, which is sent as it is.
    pub(crate) const LOG_FINAL: usize = 4;
    /// FRI folds by at most 8 at a time.
    pub(crate) const LOG_ARITY: usize = 3;

    /// Degree of the extension.
    pub(crate) const fn degree(&self) -> usize {
        match self.extension {
            Extension::Quadratic => 2,
            Extension::Cubic => 3,
        }
    }

    /// Rows of the table.
    pub(crate) const fn rows(&self) -> usize {
        self.slots * SLOT
    }

    /// Logarithm of the rows of the committed, masked table.
    pub(crate) const fn log_height(&self) -> usize {
        self.rows().ilog2() as usize + 1
    }

    /// As many masked rows as opened values: one for each query, `degree` for each of two points,
    /// and so again for the quotient.
    fn slots_to_hide(&self) -> usize {
        let budget = 2 * (self.queries + 2 * self.degree());
        budget.div_ceil(SLOT).next_power_of_two()
    }

    /// Each query opens four tables' rows and a Merkle path of 32-byte hashes in each, and FRI's
    /// layers likewise; numbers take eight bytes. The queries' paths share their upper parts, which
    /// is worth more than a third. Anything longer is not a proof, and is not even decoded.
    const fn longest(&self) -> usize {
        let depth = self.log_height() + self.log_blowup;
        let tables = 4;
        let layers = depth.div_ceil(Self::LOG_ARITY);
        let paths = 33 * depth * (tables + layers / 2 + 1);
        let values = 8 * (160 + 8 * self.degree() * layers);
        (16 * 1024 + self.queries * (paths + values)) * 2 / 3
    }

    pub(crate) const fn fri<M>(&self, mmcs: M) -> FriParameters<M> {
        FriParameters {
            log_blowup: self.log_blowup,
            log_final_poly_len: Self::LOG_FINAL,
            max_log_arity: Self::LOG_ARITY,
            num_queries: self.queries,
            batch_proof_of_work_bits: 0,
            commit_proof_of_work_bits: 0,
            query_proof_of_work_bits: self.grinding,
            mmcs,
        }
    }

    fn security<E: ExtensionField<Goldilocks> + TwoAdicField>(&self, packs: usize) -> Security {
        /// Bits that the hash functions give against collisions.
        const HASH_BITS: usize = 128;
        /// Masked columns are opened in a batch of two.
        const BATCHES: usize = 2;
        let id = TraceKey::from_uniform_bytes(&[0; crate::KEY_SEED_SIZE]).id();
        let air = PreimageAir::new(&vec![id; packs], self.slots);
        let fri = self.fri(());
        let log_rows = self.log_height() - 1;
        let unknown = Security {
            conjectured: 0,
            proven: 0,
        };
        let Some(domain) = TwoAdicMultiplicativeCoset::new(Goldilocks::ONE, log_rows) else {
            return unknown;
        };
        let parameters = StarkSecurityParams::from_air::<Goldilocks, E, _>(
            fri.security_regime(),
            &air,
            AirLayout::from_air::<Goldilocks>(&air),
            domain,
            64 * E::DIMENSION - 1,
            HASH_BITS,
            BATCHES,
            OpeningShape::hiding(E::DIMENSION),
            fri.grinding_sites(),
        );
        let height = self.log_height();
        let proven = ProvenSecurity::compute_from_proof(height, &parameters);
        Security {
            conjectured: ConjecturedSecurity::compute_from_params(&parameters, height)
                .security_bits,
            proven: proven.list_decoding_bits.max(proven.unique_decoding_bits),
        }
    }
}
