//! What a transaction does, as far as it can be told to whoever asks.

use serde::Serialize;
use tsify::Tsify;
use yilian_protocol::{
    disclosure::Disclosure,
    governance::{Ballot, BallotChoice},
    grant::{Grant, Opening},
    registry::{Certificate, Member, Revocation, Vote},
    trace::TraceAppend,
    tx::{Body, SealVisit},
    voucher::NewGrant,
};

/// What a transaction does; members, certificates and grants by their ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Tsify)]
#[serde(
    tag = "kind",
    rename_all = "kebab-case",
    rename_all_fields = "camelCase"
)]
pub enum Act {
    /// A member is admitted.
    Admit {
        /// Its id.
        member: String,
        /// Its name.
        name: String,
    },
    /// A person is certified.
    Certify {
        /// The certificate.
        certificate: String,
        /// The person's name.
        subject: String,
        /// What the person may do.
        role: String,
        /// The member that certifies.
        member: String,
        /// When the certificate ends.
        until: u64,
    },
    /// A certificate is revoked.
    Revoke {
        /// The certificate.
        certificate: String,
        /// The member that certified.
        member: String,
        /// Why.
        reason: String,
    },
    /// Records of a visit are put onto the chain.
    Seal {
        /// The hospital.
        member: String,
        /// The records.
        records: Vec<String>,
    },
    /// A standing grant is put onto the chain.
    CreateGrant {
        /// Its id.
        grant: String,
        /// The members that hold its keys.
        holders: Vec<String>,
        /// How many of them are needed.
        threshold: u8,
        /// When it ends.
        until: u64,
        /// Whether it is for emergencies.
        emergency: bool,
    },
    /// A grant is paused, resumed or revoked.
    SetGrant {
        /// Its id.
        grant: String,
        /// What it is now: `active`, `paused` or `revoked`.
        state: String,
    },
    /// Something happened to packs.
    AppendTrace {
        /// What it does to their traces.
        action: String,
        /// The role of whoever says so.
        role: String,
        /// The traces.
        traces: Vec<String>,
    },
    /// A key holder erased its shares of a grant.
    Erase {
        /// The grant.
        grant: String,
        /// The key holder.
        member: String,
    },
    /// A hospital's private chain is anchored.
    Anchor {
        /// The hospital.
        member: String,
        /// The height of its private chain.
        height: u64,
    },
    /// A member votes about another.
    Vote {
        /// Who votes.
        member: String,
        /// About whom.
        subject: String,
        /// What is proposed: `suspend`, `reinstate` or `expel`.
        motion: String,
        /// Whether in favour, or taken back.
        favour: bool,
    },
    /// An emergency grant is opened by two clinicians.
    Open {
        /// The grant.
        grant: String,
        /// The certificates of both.
        certificates: Vec<String>,
    },
    /// A node stands for election, or no more.
    Stand {
        /// Whose node it is.
        member: String,
        /// The node's key.
        peer: String,
        /// Whether it stands.
        stands: bool,
    },
    /// A member votes for a candidate, or takes its vote back.
    Elect {
        /// Who votes.
        member: String,
        /// The candidate's key.
        peer: Option<String>,
    },
    /// Regulators open the identity behind a pseudonym.
    Disclose {
        /// The request's id.
        disclosure: String,
        /// The authority that certified who asks.
        member: String,
        /// The number of the case.
        case: String,
        /// Why.
        reason: String,
        /// The certificates of those who approved.
        approvals: Vec<String>,
    },
}

impl From<&Body> for Act {
    fn from(body: &Body) -> Self {
        match body {
            Body::Admit(member) => admit(member),
            Body::Certify(certificate) => certify(certificate),
            Body::Revoke(revocation) => revoke(revocation),
            Body::Seal(visit) => seal(visit),
            Body::CreateGrant(NewGrant { grant, .. }) => create_grant(grant),
            Body::SetGrant(change) => Self::SetGrant {
                grant: change.grant.to_string(),
                state: change.state.name().to_owned(),
            },
            Body::AppendTrace(append) => append_trace(append),
            Body::Erase(erasure) => Self::Erase {
                grant: erasure.grant.to_string(),
                member: erasure.holder.to_string(),
            },
            Body::Anchor(anchor) => Self::Anchor {
                member: anchor.header.hospital.to_string(),
                height: anchor.header.height.get(),
            },
            Body::Vote(vote) => about(vote),
            Body::Open(opening) => open(opening),
            Body::Stand(candidacy) => Self::Stand {
                member: candidacy.member.to_string(),
                peer: hex::encode(candidacy.peer.to_bytes()),
                stands: candidacy.address.is_some(),
            },
            Body::Elect(ballot) => elect(ballot),
            Body::Disclose(disclosure) => disclose(disclosure),
        }
    }
}

fn admit(member: &Member) -> Act {
    Act::Admit {
        member: member.id().to_string(),
        name: member.name.to_string(),
    }
}

fn certify(certificate: &Certificate) -> Act {
    Act::Certify {
        certificate: certificate.id().to_string(),
        subject: certificate.subject.to_string(),
        role: certificate.role.name().to_owned(),
        member: certificate.member.to_string(),
        until: certificate.valid_until.get(),
    }
}

fn revoke(revocation: &Revocation) -> Act {
    Act::Revoke {
        certificate: revocation.certificate.to_string(),
        member: revocation.member.to_string(),
        reason: revocation.reason.to_string(),
    }
}

fn seal(visit: &SealVisit) -> Act {
    let records = visit.records.iter();
    Act::Seal {
        member: visit.hospital.to_string(),
        records: records.map(|sealed| sealed.record.to_string()).collect(),
    }
}

fn create_grant(grant: &Grant) -> Act {
    Act::CreateGrant {
        grant: grant.id().to_string(),
        holders: grant.holders.iter().map(ToString::to_string).collect(),
        threshold: grant.threshold,
        until: grant.until.get(),
        emergency: grant.emergency,
    }
}

fn append_trace(append: &TraceAppend) -> Act {
    let terms = &append.terms;
    let pushes = terms.pushes.iter();
    Act::AppendTrace {
        action: terms.action.name().to_owned(),
        role: terms.pass.role.name().to_owned(),
        traces: pushes.map(|push| push.trace.to_string()).collect(),
    }
}

fn about(vote: &Vote) -> Act {
    Act::Vote {
        member: vote.voter.to_string(),
        subject: vote.subject.to_string(),
        motion: vote.motion.name().to_owned(),
        favour: vote.favour,
    }
}

fn open(opening: &Opening) -> Act {
    let both = [&opening.first, &opening.second];
    Act::Open {
        grant: opening.grant.to_string(),
        certificates: both.map(|one| one.certificate.to_string()).to_vec(),
    }
}

fn elect(ballot: &Ballot) -> Act {
    let candidate = ballot.candidate.as_ref();
    Act::Elect {
        member: ballot.voter.to_string(),
        peer: candidate.map(|BallotChoice(key)| hex::encode(key.to_bytes())),
    }
}

fn disclose(disclosure: &Disclosure) -> Act {
    let request = &disclosure.request;
    let approvals = disclosure.approvals.iter();
    Act::Disclose {
        disclosure: request.id().to_string(),
        member: request.member.to_string(),
        case: request.case.to_string(),
        reason: request.reason.to_string(),
        approvals: approvals
            .map(|approval| approval.regulator.to_string())
            .collect(),
    }
}
