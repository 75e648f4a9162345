//! What a patient does.

use std::{
    fmt,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;
use yilian_client::{CheckIn, GrantRequest, Patient, Session, Wallet};
use yilian_crypto::seed::{Language, Seed};
use yilian_protocol::{
    Confidentiality, GrantId, MemberId, Quarter, RecordId, TimeMs,
    grant::{GrantState, OpeningEntry, Purpose, Use},
    transport::RecordEntry,
};

use super::{Context, DAY_MS, GRANT_HOLDERS, HOUR_MS, doctor::Shown, majority, now, search};
use crate::{
    arguments::{GrantName, GrantOptions, PatientCommand},
    home::write_json,
    link::{Link, Opened},
    output::trouble,
};

pub async fn run(context: &Context, command: PatientCommand) -> anyhow::Result<()> {
    match command {
        PatientCommand::New { name, chinese } => new(context, name, chinese),
        PatientCommand::Recover { name, words } => recover(context, name, words.as_deref()).await,
        PatientCommand::CheckIn {
            name,
            hospital,
            period,
            private,
            hours,
            out,
        } => {
            let period = period.unwrap_or_else(|| quarter(now()));
            let expires = now().plus_ms(hours.saturating_mul(HOUR_MS));
            check_in(context, &name, &hospital, (period, private, expires), &out).await
        }
        PatientCommand::Search(options) => search::by_patient(context, options).await,
        PatientCommand::List { name } => list(context, &name).await,
        PatientCommand::Open { name, record, out } => open(context, &name, record, out).await,
        PatientCommand::Share {
            name,
            record,
            reader,
            form,
            out,
        } => {
            let opened = context.open().await?;
            let patient = context.home.patient(&name)?;
            let share = patient.share(&opened.session, record, reader, form).await?;
            write_json(&out, &share)?;
            context.output.tell(&Written {
                what: "share",
                file: out,
            })?;
            opened.close();
            Ok(())
        }
        PatientCommand::Grant(options) => grant(context, options).await,
        PatientCommand::Pause(name) => set(context, name, GrantState::Paused).await,
        PatientCommand::Resume(name) => set(context, name, GrantState::Active).await,
        PatientCommand::Revoke(name) => set(context, name, GrantState::Revoked).await,
        PatientCommand::Uses(name) => uses(context, name).await,
        PatientCommand::Grants { name } => grants(context, &name).await,
    }
}

fn new(context: &Context, name: String, chinese: bool) -> anyhow::Result<()> {
    let chain = context.home.genesis()?.chain();
    let seed = Seed::random(&mut rand::rng());
    context
        .home
        .make_patient(&name, seed.expose(), &Wallet::new(chain))?;
    let language = if chinese {
        Language::SimplifiedChinese
    } else {
        Language::English
    };
    let words = seed.to_words(language).to_string();
    context.output.tell(&NewWallet { name, words })
}

async fn recover(context: &Context, name: String, words: Option<&Path>) -> anyhow::Result<()> {
    let text = match words {
        Some(file) => std::fs::read_to_string(file)
            .with_context(|| format!("cannot read {}", file.display()))?,
        None => {
            let mut text = String::new();
            std::io::stdin()
                .read_to_string(&mut text)
                .context("cannot read the words")?;
            text
        }
    };
    let seed = Seed::from_words(text.trim())
        .map_err(|error| trouble(error.to_string(), "check the words against your paper"))?;
    let opened = context.open().await?;
    let mut patient = Patient::new(&seed, Wallet::new(opened.session.chain()));
    let (visits, grants) = patient.recover(&opened.session).await?;
    context
        .home
        .make_patient(&name, seed.expose(), patient.wallet())?;
    context.output.tell(&Recovered {
        name,
        visits,
        grants,
    })?;
    opened.close();
    Ok(())
}

async fn check_in(
    context: &Context,
    name: &str,
    hospital: &str,
    (period, private, expires): (Quarter, bool, TimeMs),
    out: &Path,
) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let hospital = member_called(&opened, hospital).await?;
    let mut patient = context.home.patient(name)?;
    let request = CheckIn {
        hospital,
        period,
        private,
        expires,
    };
    let token = patient.check_in(&opened.session, request, &mut rand::rng());
    context.home.keep_wallet(name, patient.wallet())?;
    write_json(out, &token)?;
    context.output.tell(&Written {
        what: "visit token",
        file: out.to_owned(),
    })?;
    opened.close();
    Ok(())
}

pub async fn member_called(opened: &Opened, name: &str) -> anyhow::Result<MemberId> {
    let members = opened.session.members().await?;
    let mut named = members
        .iter()
        .filter(|entry| entry.member.name.as_str() == name);
    match (named.next(), named.next()) {
        (Some(entry), None) => Ok(entry.member.id()),
        (Some(_), Some(_)) => {
            let cause = format!("several members are called `{name}`");
            Err(trouble(cause, "see `yilian ca list`"))
        }
        _ => {
            let cause = format!("no member is called `{name}`");
            Err(trouble(
                cause,
                "see `yilian ca list` for the members' names",
            ))
        }
    }
}

async fn list(context: &Context, name: &str) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(name)?;
    let mut records = Vec::new();
    for entry in patient.records(&opened.session).await? {
        records.push(listed(&patient, &opened.session, entry).await?);
    }
    context.output.tell(&Listing { records })?;
    opened.close();
    Ok(())
}

async fn listed(
    patient: &Patient,
    session: &Session<Link>,
    entry: RecordEntry,
) -> anyhow::Result<ListedRecord> {
    let record = entry.sealed.record;
    let opened = patient.open(session, record).await?;
    let author = session.certificate(opened.verified.author()).await?;
    Ok(ListedRecord {
        record,
        scope: opened.verified.scope().to_string(),
        author: author.certificate.subject.to_string(),
        signed_at: opened.verified.signed_at(),
        bytes: opened.verified.content().len(),
    })
}

async fn open(
    context: &Context,
    name: &str,
    record: RecordId,
    out: Option<PathBuf>,
) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(name)?;
    let own = patient.open(&opened.session, record).await?;
    Shown::new(&opened.session, record, &own.verified)
        .await?
        .tell(context, out)?;
    opened.close();
    Ok(())
}

async fn grant(context: &Context, options: GrantOptions) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let mut patient = context.home.patient(&options.name)?;
    let holders = holders(&opened, patient.wallet(), &options.holders).await?;
    let request = grant_request(patient.wallet(), &options, holders);
    let (threshold, count) = (request.threshold, request.holders.len());
    let made = patient
        .grant(&opened.session, request, &mut rand::rng())
        .await;
    // Kept even when the grant failed half-way: what is on the chain must stay revocable.
    context.home.keep_wallet(&options.name, patient.wallet())?;
    let made = made?;
    for holder in &made.without {
        eprintln!("warning: member {holder} did not take its share; enough others did");
    }
    let letter = made.letter;
    write_json(&options.out, &letter)?;
    let (grant, records) = (letter.grant, letter.records.len());
    context.output.tell(&Granted {
        grant,
        records,
        threshold,
        holders: count,
        letter: options.out,
    })?;
    opened.close();
    Ok(())
}

/// The members named; if none are, the hospitals visited and other members, up to [`GRANT_HOLDERS`].
async fn holders(
    opened: &Opened,
    wallet: &Wallet,
    names: &[String],
) -> anyhow::Result<Vec<MemberId>> {
    let members = opened.session.members().await?;
    if names.is_empty() {
        let mut holders: Vec<MemberId> = wallet.visits.iter().map(|visit| visit.hospital).collect();
        holders.sort();
        holders.dedup();
        let others = members.iter().map(|entry| entry.member.id());
        let others: Vec<_> = others.filter(|id| !holders.contains(id)).collect();
        holders.extend(others);
        holders.truncate(GRANT_HOLDERS);
        return Ok(holders);
    }
    let named = |name: &String| {
        let mut known = members
            .iter()
            .filter(|entry| entry.member.name.as_str() == name);
        let entry = known
            .next()
            .with_context(|| format!("no member called `{name}`"))?;
        Ok(entry.member.id())
    };
    names.iter().map(named).collect()
}

async fn uses(context: &Context, name: GrantName) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(&name.name)?;
    let grant = opened.session.grant(name.grant).await?.grant;
    let mut uses = Vec::new();
    for holder in grant.holders.iter() {
        match patient
            .uses(&opened.session, name.grant, *holder, now())
            .await
        {
            Ok(found) => uses.extend(found.into_iter().map(|usage| ListedUse {
                holder: *holder,
                usage,
            })),
            Err(error) => eprintln!("warning: key holder {holder} does not tell: {error}"),
        }
    }
    uses.sort_by_key(|listed| listed.usage.at);
    context.output.tell(&UseListing { uses })?;
    opened.close();
    Ok(())
}

fn grant_request(wallet: &Wallet, options: &GrantOptions, holders: Vec<MemberId>) -> GrantRequest {
    let now = now();
    let mut hospitals: Vec<_> = wallet.visits.iter().map(|visit| visit.hospital).collect();
    hospitals.sort();
    hospitals.dedup();
    let mut future = Vec::new();
    let mut period = quarter(now);
    for _ in 0..options.quarters {
        period = period.next();
        future.extend(hospitals.iter().map(|hospital| (*hospital, period)));
    }
    let mut confidentialities: Vec<Confidentiality> = options
        .levels
        .iter()
        .map(|level| Confidentiality::from(*level))
        .collect();
    confidentialities.sort();
    confidentialities.dedup();
    GrantRequest {
        reader: options.reader,
        purpose: if options.emergency {
            Purpose::EmergencyTreatment
        } else {
            options.purpose
        },
        confidentialities,
        from: now,
        until: now.plus_ms(options.days.saturating_mul(DAY_MS)),
        future,
        threshold: options.threshold.unwrap_or_else(|| majority(holders.len())),
        holders,
        emergency: options.emergency,
    }
}

async fn set(context: &Context, name: GrantName, state: GrantState) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(&name.name)?;
    patient
        .set_grant(&opened.session, name.grant, state)
        .await?;
    context.output.tell(&Set {
        grant: name.grant,
        state,
    })?;
    opened.close();
    Ok(())
}

async fn grants(context: &Context, name: &str) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let patient = context.home.patient(name)?;
    let mut grants = Vec::new();
    for note in &patient.wallet().grants {
        let entry = opened.session.grant(note.grant).await?;
        let reader = note.terms.as_ref().map(|terms| terms.reader.to_string());
        let holders = &entry.grant.holders;
        let receipts = opened.session.erasures(note.grant, holders).await?;
        let erased = receipts.iter().flatten().count();
        let openings = opened.session.openings(note.grant).await?;
        let (grant, state, until) = (note.grant, entry.state, entry.grant.until);
        grants.push(ListedGrant {
            grant,
            state,
            until,
            reader,
            holders: holders.len(),
            erased,
            openings,
        });
    }
    context.output.tell(&GrantListing { grants })?;
    opened.close();
    Ok(())
}

/// The calendar quarter of a moment.
fn quarter(time: TimeMs) -> Quarter {
    let ms = i64::try_from(time.get()).unwrap_or(i64::MAX);
    let date = jiff::Timestamp::from_millisecond(ms)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let year = u16::try_from(date.year()).unwrap_or(1).max(1);
    Quarter::from_date(year, date.month().unsigned_abs()).unwrap_or(Quarter::FIRST)
}

#[derive(Serialize)]
struct NewWallet {
    name: String,
    words: String,
}

impl fmt::Display for NewWallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "wallet {}", self.name)?;
        writeln!(
            f,
            "Write these words on paper. They open every record; they are not shown again."
        )?;
        writeln!(f, "\n  {}\n", self.words)
    }
}

#[derive(Serialize)]
struct Recovered {
    name: String,
    visits: usize,
    grants: usize,
}

impl fmt::Display for Recovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            visits,
            grants,
        } = self;
        writeln!(
            f,
            "wallet {name}: found {visits} visits and {grants} grants"
        )
    }
}

/// A file that a command wrote.
#[derive(Serialize)]
struct Written {
    what: &'static str,
    file: PathBuf,
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} written to {}", self.what, self.file.display())
    }
}

#[derive(Serialize)]
struct Listing {
    records: Vec<ListedRecord>,
}

#[derive(Serialize)]
struct ListedRecord {
    record: RecordId,
    scope: String,
    author: String,
    signed_at: TimeMs,
    bytes: usize,
}

impl fmt::Display for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ListedRecord {
            record,
            scope,
            author,
            signed_at,
            bytes,
        } in &self.records
        {
            writeln!(
                f,
                "{record}  {scope}  {}  {author}  {bytes} B",
                signed_at.to_text()
            )?;
        }
        writeln!(f, "{} records", self.records.len())
    }
}

#[derive(Serialize)]
struct Granted {
    grant: GrantId,
    records: usize,
    threshold: usize,
    holders: usize,
    letter: PathBuf,
}

impl fmt::Display for Granted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "grant {} covers {} records so far; {} of {} key holders serve",
            self.grant, self.records, self.threshold, self.holders
        )?;
        writeln!(
            f,
            "letter for the reader written to {}",
            self.letter.display()
        )
    }
}

#[derive(Serialize)]
struct Set {
    grant: GrantId,
    state: GrantState,
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "grant {} is {}", self.grant, self.state)
    }
}

#[derive(Serialize)]
struct UseListing {
    uses: Vec<ListedUse>,
}

#[derive(Serialize)]
struct ListedUse {
    holder: MemberId,
    #[serde(flatten)]
    usage: Use,
}

impl fmt::Display for UseListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ListedUse { holder, usage } in &self.uses {
            let Use {
                record,
                reader,
                purpose,
                at,
            } = usage;
            let (holder, at) = (holder.short(), at.to_text());
            writeln!(
                f,
                "{at}  {purpose}  record {record}  reader {reader}  told by {holder}"
            )?;
        }
        writeln!(
            f,
            "{} uses, each told by every key holder that served",
            self.uses.len()
        )
    }
}

#[derive(Serialize)]
struct GrantListing {
    grants: Vec<ListedGrant>,
}

#[derive(Serialize)]
struct ListedGrant {
    grant: GrantId,
    state: GrantState,
    until: TimeMs,
    reader: Option<String>,
    /// How many members hold shares, or held them.
    holders: usize,
    /// How many of them said on the chain that they erased theirs.
    erased: usize,
    /// Every time two clinicians opened it.
    openings: Vec<OpeningEntry>,
}

impl fmt::Display for GrantListing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ListedGrant {
            grant,
            state,
            until,
            reader,
            holders,
            erased,
            openings,
        } in &self.grants
        {
            let reader = reader.as_deref().unwrap_or("(terms not on this device)");
            writeln!(
                f,
                "{grant}  {state}  until {}  reader {reader}",
                until.to_text()
            )?;
            for OpeningEntry { opening, admitted } in openings {
                let (at, reason) = (admitted.time.to_text(), &opening.reason);
                let (first, second) = (opening.first, opening.second);
                writeln!(f, "  opened in an emergency at {at}: {reason}")?;
                writeln!(f, "    by {first}\n    and {second}")?;
            }
            if *state == GrantState::Revoked {
                writeln!(f, "  erased by {erased} of {holders} key holders")?;
            }
        }
        writeln!(f, "{} grants", self.grants.len())
    }
}
