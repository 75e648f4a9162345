//! Standing grants as people speak of them: what holds when they leave something out, and what they
//! are shown of grants and uses.

use yilian_protocol::{
    CertificateId, Confidentiality, GrantId, MemberId, TimeMs,
    call::Transport,
    grant::{GrantState, OpeningEntry, Purpose, Use},
    limits::GRANT_DAYS_MAX,
    refusal::Refusal,
    registry::MemberEntry,
};

use crate::{
    ClientError, GrantRequest, Patient, Session, Wallet,
    calendar::{days_after, quarter, quarters_after},
    people,
};

/// Key holders of a grant, unless somebody says otherwise.
pub const HOLDERS: usize = 5;
/// Days of a grant, unless somebody says otherwise.
pub const DAYS: u64 = 90;
/// Days of a grant at most: two years. The ledger takes two days more, for clocks that differ.
pub const DAYS_MAX: u64 = GRANT_DAYS_MAX - 2;
/// What a grant is for, unless somebody says otherwise.
pub const PURPOSE: Purpose = Purpose::Treatment;
/// Which levels a grant covers, unless somebody says otherwise.
pub const LEVELS: [Confidentiality; 1] = [Confidentiality::Clinical];

/// What a patient wants of a grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The one who may read.
    pub reader: CertificateId,
    /// What for.
    pub purpose: Purpose,
    /// Which levels, in any order.
    pub levels: Vec<Confidentiality>,
    /// Days until it ends.
    pub days: u64,
    /// How many quarters to come it covers too, at the hospitals visited so far.
    pub quarters: u8,
    /// Whether it is for emergencies only; its purpose is emergency treatment then, whatever else
    /// was said.
    pub emergency: bool,
    /// Names of the members whose nodes hold the keys; [`holders`] if empty.
    pub holders: Vec<String>,
    /// How many of them it takes to read; their [`majority`] if left out.
    pub threshold: Option<usize>,
}

impl Wish {
    /// A grant to `reader` as it is when nothing else is said.
    #[must_use]
    pub fn for_reader(reader: CertificateId) -> Self {
        Self {
            reader,
            purpose: PURPOSE,
            levels: LEVELS.to_vec(),
            days: DAYS,
            quarters: 0,
            emergency: false,
            holders: Vec::new(),
            threshold: None,
        }
    }

    /// The grant that is asked for with it at `now`, with names looked up among `members` and what
    /// was left out decided.
    ///
    /// # Errors
    /// [`ClientError::NoMember`] or [`ClientError::SeveralMembers`] for the name of a holder.
    pub fn request(
        &self,
        wallet: &Wallet,
        members: &[MemberEntry],
        now: TimeMs,
    ) -> Result<GrantRequest, ClientError> {
        let named = self.holders.iter();
        let named = named.map(|name| people::member_among(members, name));
        let mut holders = named.collect::<Result<Vec<_>, _>>()?;
        if holders.is_empty() {
            holders = self::holders(wallet, members);
        }
        let mut confidentialities = self.levels.clone();
        confidentialities.sort();
        confidentialities.dedup();
        let hospitals = wallet.hospitals();
        let quarters = quarters_after(quarter(now), self.quarters);
        let future = quarters.flat_map(|quarter| {
            let at = |hospital: &MemberId| (*hospital, quarter);
            hospitals.iter().map(at).collect::<Vec<_>>()
        });
        Ok(GrantRequest {
            reader: self.reader,
            purpose: if self.emergency {
                Purpose::EmergencyTreatment
            } else {
                self.purpose
            },
            confidentialities,
            from: now,
            until: days_after(now, self.days),
            future: future.collect(),
            threshold: self.threshold.unwrap_or_else(|| majority(holders.len())),
            holders,
            emergency: self.emergency,
        })
    }
}

/// More than half of `count`.
#[must_use]
pub const fn majority(count: usize) -> usize {
    count / 2 + 1
}

/// Who holds the keys of a grant unless somebody says otherwise: the hospitals visited, and other
/// members behind them, [`HOLDERS`] at most. Members that may not act now serve nobody.
#[must_use]
pub fn holders(wallet: &Wallet, members: &[MemberEntry]) -> Vec<MemberId> {
    let (acting, idle): (Vec<_>, Vec<_>) =
        members.iter().partition(|entry| entry.may_act().is_ok());
    let mut holders = wallet.hospitals();
    holders.retain(|hospital| idle.iter().all(|entry| entry.member.id() != *hospital));
    for id in acting.iter().map(|entry| entry.member.id()) {
        if !holders.contains(&id) {
            holders.push(id);
        }
    }
    holders.truncate(HOLDERS);
    holders
}

/// A grant as its patient is shown it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Listed {
    /// The grant.
    pub grant: GrantId,
    /// Whether it is served.
    pub state: GrantState,
    /// When it ends.
    pub until: TimeMs,
    /// The one who may read; unknown after a recovery.
    pub reader: Option<CertificateId>,
    /// Why nobody is served as this reader, when the certificate or its member is not good now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reader_fault: Option<Refusal>,
    /// How many members hold shares, or held them.
    pub holders: usize,
    /// How many of them said on the chain that they erased theirs.
    pub erased: usize,
    /// Every time two clinicians opened it.
    pub openings: Vec<OpeningEntry>,
}

/// All grants of a wallet that are on the chain, in the order in which they were made, and how
/// their readers stand at `now`. One that never came onto it is proven to be absent, and left out.
/// The registry is read as a whole, the same whoever the readers are.
///
/// # Errors
/// When the node does not answer, or its proofs do not verify.
pub async fn list<T: Transport>(
    session: &Session<T>,
    wallet: &Wallet,
    now: TimeMs,
) -> Result<Vec<Listed>, ClientError> {
    let mut grants = Vec::new();
    let registry = match wallet.grants.iter().any(|note| note.terms.is_some()) {
        true => people::registry(session).await?,
        false => Vec::new(),
    };
    let stands = |reader| people::certified(&registry, reader)?.standing(now);
    for note in &wallet.grants {
        let Some(entry) = session.find_grant(note.grant).await? else {
            continue;
        };
        let holders = &entry.grant.holders;
        let receipts = session.erasures(note.grant, holders).await?;
        let reader = note.terms.as_ref().map(|terms| terms.reader);
        grants.push(Listed {
            grant: note.grant,
            state: entry.state,
            until: entry.grant.until,
            reader,
            reader_fault: reader.and_then(|reader| stands(reader).err()),
            holders: holders.len(),
            erased: receipts.iter().flatten().count(),
            openings: session.openings(note.grant).await?,
        });
    }
    Ok(grants)
}

/// A use of a grant, and who tells of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ToldUse {
    /// The key holder that noted it.
    pub holder: MemberId,
    /// The use.
    #[serde(flatten)]
    pub usage: Use,
}

/// How a grant was used, as far as its key holders tell.
#[derive(Debug)]
pub struct Uses {
    /// Every use by each holder that served it, oldest first.
    pub told: Vec<ToldUse>,
    /// Holders that did not tell, and why.
    pub silent: Vec<(MemberId, ClientError)>,
}

/// How a grant was used: every key holder is asked, and one that does not answer keeps nobody
/// else's word back.
///
/// # Errors
/// When there is no such grant. What is wrong with a single holder stands in [`Uses::silent`].
pub async fn uses<T: Transport>(
    session: &Session<T>,
    patient: &Patient,
    grant: GrantId,
    now: TimeMs,
) -> Result<Uses, ClientError> {
    let entry = session.grant(grant).await?;
    let (mut told, mut silent) = (Vec::new(), Vec::new());
    for &holder in entry.grant.holders.iter() {
        match patient.uses(session, grant, holder, now).await {
            Ok(uses) => told.extend(uses.into_iter().map(|usage| ToldUse { holder, usage })),
            Err(error) => silent.push((holder, error)),
        }
    }
    told.sort_by_key(|told| told.usage.at);
    Ok(Uses { told, silent })
}
