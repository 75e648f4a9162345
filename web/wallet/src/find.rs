//! What stands under a hash.

use serde::Serialize;
use tsify::Tsify;
use yilian_client::explorer::Found;
use yilian_protocol::{
    call::RecordEntry, disclosure::DisclosureEntry, grant::GrantEntry, receipt::Receipt,
    registry::CertificateEntry,
};

use crate::{shared::Place, trouble::Trouble, view::refused};

/// What a hash is the name of.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum FoundView {
    /// A transaction, final in the block.
    Transaction(FoundTransaction),
    /// A record.
    Record(FoundRecord),
    /// A certificate.
    Certificate(FoundCertificate),
    /// A member.
    Member(FoundMember),
    /// A standing grant.
    Grant(FoundGrant),
    /// A pack's trace.
    Trace(FoundTrace),
    /// That regulators open an identity.
    Disclosure(FoundDisclosure),
}

/// Where a transaction stands.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct FoundTransaction {
    /// Its block.
    pub block: Place,
    /// Its place in the block, from 0.
    pub index: u32,
    /// The rule that refused it, if one did.
    pub refused: Option<String>,
}

/// What the chain knows of a record: nothing of what it says.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct FoundRecord {
    /// The hospital that sealed it.
    pub member: String,
    /// Its block.
    pub block: Place,
}

/// A person's certificate.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct FoundCertificate {
    /// The person's name.
    pub subject: String,
    /// What the person may do.
    pub role: String,
    /// The member that certified.
    pub member: String,
    /// From when it holds.
    pub from: u64,
    /// Until when.
    pub until: u64,
    /// Why it was taken back, if it was.
    pub revoked: Option<String>,
    /// The block that registered it.
    pub block: Place,
}

/// A member.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct FoundMember {
    /// Its name.
    pub name: String,
    /// Whether it may act.
    #[tsify(type = "\"active\" | \"suspended\" | \"expelled\"")]
    pub standing: String,
    /// The block that admitted it.
    pub block: Place,
}

/// A standing grant; its chain does not tell whose, nor for whom.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct FoundGrant {
    /// `active`, `paused` or `revoked`.
    #[tsify(type = "\"active\" | \"paused\" | \"revoked\"")]
    pub state: String,
    /// When it ends by itself.
    pub until: u64,
    /// The members that hold its keys.
    pub holders: Vec<String>,
    /// How many of them are needed.
    pub threshold: u8,
    /// Whether it is for emergencies.
    pub emergency: bool,
    /// The block that holds it.
    pub block: Place,
}

/// Where a trace stands; what happened is for whoever holds the pack.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct FoundTrace {
    /// `open`, `dispensed`, `destroyed` or `recalled`.
    pub state: String,
    /// How many entries it has.
    pub length: u32,
    /// How many came after it was closed.
    pub late: u32,
}

/// That regulators open an identity; the chain does not tell whose.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct FoundDisclosure {
    /// The authority that certified who asked.
    pub member: String,
    /// The number of the case.
    pub case: String,
    /// Why.
    pub reason: String,
    /// How many others approved.
    pub approvals: usize,
    /// The block that holds it.
    pub block: Place,
}

impl From<Found> for FoundView {
    fn from(found: Found) -> Self {
        match found {
            Found::Transaction(receipt) => Self::Transaction((*receipt).into()),
            Found::Record(record) => Self::Record((*record).into()),
            Found::Certificate(entry) => Self::Certificate((*entry).into()),
            Found::Member(entry) => Self::Member(FoundMember {
                name: entry.member.name.to_string(),
                standing: entry.standing.name().to_owned(),
                block: entry.admitted.into(),
            }),
            Found::Grant(entry) => Self::Grant((*entry).into()),
            Found::Trace(head) => Self::Trace(FoundTrace {
                state: head.state.name().to_owned(),
                length: head.length,
                late: head.late,
            }),
            Found::Disclosure(entry) => Self::Disclosure((*entry).into()),
        }
    }
}

impl From<Receipt> for FoundTransaction {
    fn from(receipt: Receipt) -> Self {
        Self {
            block: receipt.header.admitted().into(),
            index: receipt.inclusion.index,
            refused: refused(receipt.outcome),
        }
    }
}

impl From<RecordEntry> for FoundRecord {
    fn from(entry: RecordEntry) -> Self {
        Self {
            member: entry.hospital.to_string(),
            block: entry.admitted.into(),
        }
    }
}

impl From<CertificateEntry> for FoundCertificate {
    fn from(entry: CertificateEntry) -> Self {
        let certificate = entry.certificate;
        Self {
            subject: certificate.subject.to_string(),
            role: certificate.role.name().to_owned(),
            member: certificate.member.to_string(),
            from: certificate.valid_from.get(),
            until: certificate.valid_until.get(),
            revoked: entry.revoked.map(|revoked| revoked.reason.to_string()),
            block: entry.admitted.into(),
        }
    }
}

impl From<GrantEntry> for FoundGrant {
    fn from(entry: GrantEntry) -> Self {
        let grant = entry.grant;
        Self {
            state: entry.state.name().to_owned(),
            until: grant.until.get(),
            holders: grant.holders.iter().map(ToString::to_string).collect(),
            threshold: grant.threshold,
            emergency: grant.emergency,
            block: entry.admitted.into(),
        }
    }
}

impl From<DisclosureEntry> for FoundDisclosure {
    fn from(entry: DisclosureEntry) -> Self {
        let request = entry.disclosure.request;
        Self {
            member: request.member.to_string(),
            case: request.case.to_string(),
            reason: request.reason.to_string(),
            approvals: entry.disclosure.approvals.len(),
            block: entry.admitted.into(),
        }
    }
}

/// The hash that 64 hex digits write.
pub(crate) fn hash(digits: &str) -> Result<[u8; 32], Trouble> {
    let mut hash = [0; 32];
    hex::decode_to_slice(digits.trim(), &mut hash)
        .map_err(|_| Trouble::invalid("not 64 hex digits"))?;
    Ok(hash)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_64_digits_in_any_case() {
        assert_eq!(
            hash(&format!(" {}\n", "Aa".repeat(32))).unwrap(),
            [0xaa; 32]
        );
        for wrong in ["", "aa", &"g".repeat(64), &"a".repeat(66)] {
            assert!(hash(wrong).is_err(), "{wrong}");
        }
    }
}
