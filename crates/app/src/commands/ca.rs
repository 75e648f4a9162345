//! Who is who.

use std::{fmt, net::IpAddr, path::PathBuf};

use anyhow::Context as _;
use clap::{Args, Subcommand, builder::RangedU64ValueParser, value_parser};
use serde::Serialize;
use yilian_client::{
    CERTIFICATE_DAYS, ConsortiumCa, MemberCa, PASS_DAYS, PASSES, Session,
    calendar::days_after,
    passes_end,
    people::{self, Organisation},
};
use yilian_crypto::sign::SigningKey;
use yilian_protocol::{
    CertificateId, MemberId, PersonId, TimeMs,
    call::Transport,
    codec::Text,
    limits::{CERTIFICATE_DAYS_MAX, PASS_DAYS_MAX},
    registry::{Motion, Role, Standing},
};

use super::{Context, now};
use crate::{
    arguments::one_of,
    home::Home,
    naming::{self, Named},
    pki,
};

/// What a certificate authority does.
#[derive(Debug, Subcommand)]
pub enum CaCommand {
    /// Admit an organisation as a member, by the consortium's CA
    Admit {
        /// Its name
        name: String,
    },
    /// Certify a person of a member, by the member's CA
    Certify(CertifyOptions),
    /// Give a certified person a new certificate for the same keys, by the member's CA
    Renew {
        /// The person's name
        name: String,
        /// Days of validity from now on, at most five years
        #[arg(
            long,
            default_value_t = CERTIFICATE_DAYS,
            value_parser = value_parser!(u64).range(1..=CERTIFICATE_DAYS_MAX)
        )]
        days: u64,
    },
    /// Revoke a certificate, by the member's CA
    Revoke {
        /// The certificate
        certificate: CertificateId,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Vote to suspend, reinstate or expel a member, by another member's CA; carried by more than
    /// half of the others
    Vote(VoteOptions),
    /// Certify a member's node or desk for TLS, by the member's CA (X.509); or renew that
    Tls(TlsOptions),
    /// Give a maker, courier, pharmacist or regulator passes for appending to traces, by the
    /// consortium's CA
    Passes(PassesOptions),
    /// List members and certificates
    List,
}

pub async fn run(context: &Context, command: CaCommand) -> anyhow::Result<()> {
    match command {
        CaCommand::Admit { name } => admit_one(context, name).await,
        CaCommand::Certify(options) => certify_one(context, options).await,
        CaCommand::Renew { name, days } => renew(context, &name, days).await,
        CaCommand::Revoke {
            certificate,
            reason,
        } => revoke(context, certificate, &reason).await,
        CaCommand::Vote(options) => vote(context, options).await,
        CaCommand::Tls(options) => tls(context, options),
        CaCommand::Passes(options) => give_passes(context, &options).await,
        CaCommand::List => list(context).await,
    }
}

async fn admit_one(context: &Context, name: String) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let known = opened.session.members().await?;
    let known = known.iter().map(|entry| entry.member.name.as_str());
    naming::free_among(Named::Member, &name, known)?;
    // Of those here, one of the same name was made before, and is not a member yet.
    let here = context.home.names(Named::Member);
    let others = here.iter().map(String::as_str);
    naming::free_among(Named::Member, &name, others.filter(|other| *other != name))?;
    let member = admit(&context.home, &opened.session, &name).await?;
    context.output.tell(&Admitted { name, member })?;
    opened.close();
    Ok(())
}

/// A person to be certified.
#[derive(Debug, Args)]
pub struct CertifyOptions {
    /// The member's name
    member: String,
    /// The person's name
    name: String,
    /// The number of the person's licence; without one, two of the same name count as one person
    #[arg(long, value_name = "NUMBER")]
    licence: Option<String>,
    /// What the person may do
    #[arg(long, default_value_t = Role::Doctor, value_parser = one_of(Role::ALL, Role::name))]
    role: Role,
    /// First moment of validity, RFC 3339; now if left out
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// Days of validity, at most five years
    #[arg(
        long,
        default_value_t = CERTIFICATE_DAYS,
        value_parser = value_parser!(u64).range(1..=CERTIFICATE_DAYS_MAX)
    )]
    days: u64,
}

async fn certify_one(context: &Context, options: CertifyOptions) -> anyhow::Result<()> {
    let CertifyOptions {
        member,
        name,
        licence,
        role,
        from,
        days,
    } = options;
    let from = from
        .map(|text| TimeMs::from_text(&text))
        .transpose()?
        .unwrap_or_else(now);
    let (home, ca) = (&context.home, context.home.member_ca(&member)?);
    home.free_name(Named::Person, &name)?;
    let opened = context.open().await?;
    let session = &opened.session;
    let known = session.certificates(ca.id()).await?;
    let known = known.iter().map(|entry| entry.certificate.subject.as_str());
    // Two of one name may be two people, who are told apart by their certificates.
    naming::free_among(Named::Person, &name, known.filter(|other| *other != name))?;
    let validity = (from, days_after(from, days));
    let certificate = certify(home, session, &member, (&name, licence), role, validity);
    let certificate = certificate.await?;
    context.output.tell(&Certified {
        name,
        member,
        role,
        certificate,
    })?;
    opened.close();
    Ok(())
}

/// A DNS name or an IP address.
fn host_name(text: &str) -> Result<String, String> {
    let is_label = |label: &str| {
        let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
        (1..=63).contains(&label.len())
            && label.chars().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let is_name = text.len() <= 253 && text.split('.').all(is_label);
    if is_name || text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    Err("neither a DNS name, as node.hospital.example, nor an IP address".to_owned())
}

/// What to certify for TLS.
#[derive(Debug, Args)]
pub struct TlsOptions {
    /// The member's name
    member: String,
    /// DNS names and IP addresses at which it is reached
    #[arg(long, required = true, value_parser = host_name)]
    host: Vec<String>,
    /// The folder to write root.pem, chain.pem and key.pem to, as `node.json` names them
    #[arg(long)]
    out: PathBuf,
    /// Days of validity, at most those of the member's CA
    #[arg(
        long,
        default_value_t = pki::LEAF_DAYS,
        value_parser = value_parser!(i64).range(1..=pki::CA_DAYS)
    )]
    days: i64,
}

fn tls(context: &Context, options: TlsOptions) -> anyhow::Result<()> {
    let TlsOptions {
        member,
        host,
        out,
        days,
    } = options;
    let place = pki::Place::new(&context.home, &out)?;
    let certified = pki::certify(&context.home, &member, &host, days)?;
    place.write(&certified)?;
    context.output.tell(&Secured { member, host, out })
}

/// Passes that are issued at a time.
const PASSES_MAX: u64 = 4_096;

/// How many passes, and for how long.
#[derive(Debug, Args)]
pub struct PassesOptions {
    /// The person's name
    name: String,
    /// How many: each append uses one
    #[arg(
        long,
        default_value_t = PASSES,
        value_parser = RangedU64ValueParser::<usize>::new().range(1..=PASSES_MAX)
    )]
    count: usize,
    /// Whole days of validity behind the current one, 1 to 30
    #[arg(
        long,
        default_value_t = PASS_DAYS,
        value_parser = value_parser!(u64).range(1..=PASS_DAYS_MAX - 1)
    )]
    days: u64,
}

async fn give_passes(context: &Context, options: &PassesOptions) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let PassesOptions { name, count, days } = options;
    let until = passes_end(now(), *days);
    let issued = passes(&context.home, &opened.session, name, *count, until).await?;
    context.output.tell(&issued)?;
    opened.close();
    Ok(())
}

/// Makes a member's keys and has the consortium's CA admit it.
pub async fn admit<T: Transport>(
    home: &Home,
    session: &Session<T>,
    name: &str,
) -> anyhow::Result<MemberId> {
    let ca = home.make_member(&Text::new(name).context("the member's name")?)?;
    admit_member(home, session, &ca).await?;
    Ok(ca.id())
}

/// Has the consortium's CA admit a member whose keys exist.
pub async fn admit_member<T: Transport>(
    home: &Home,
    session: &Session<T>,
    ca: &MemberCa,
) -> anyhow::Result<()> {
    let consortium = ConsortiumCa::new(SigningKey::from_seed(&*home.key("keys/consortium")?));
    consortium.admit(session, ca.member().clone()).await?;
    Ok(())
}

/// Makes a person's keys and has the member's CA certify them. The number of the licence tells the
/// person from others of the same name.
pub async fn certify<T: Transport>(
    home: &Home,
    session: &Session<T>,
    member: &str,
    (name, licence): (&str, Option<String>),
    role: Role,
    (from, until): (TimeMs, TimeMs),
) -> anyhow::Result<CertificateId> {
    let ca = home.member_ca(member)?;
    let subject = Text::new(name).context("the person's name")?;
    let seed = home.make_person_seed(name)?;
    let mut certificate = ca.certificate(subject, role, &seed, from, until);
    if let Some(licence) = licence {
        certificate.person = PersonId::of(&licence);
    }
    let id = ca.certify(session, certificate.clone()).await?;
    home.keep_person(name, certificate)?;
    Ok(id)
}

/// Has a person ask for passes and the consortium's CA issue them.
pub async fn passes<T: Transport>(
    home: &Home,
    session: &Session<T>,
    name: &str,
    count: usize,
    until: TimeMs,
) -> anyhow::Result<Passes> {
    let consortium = ConsortiumCa::new(SigningKey::from_seed(&*home.key("keys/consortium")?));
    let handler = home.handler(name)?;
    let _alone = home.lock_person(name)?;
    let mut book = home.passes(name)?;
    let request = handler.ask_passes(session, &mut book, count, &mut rand::rng());
    let issued = consortium
        .issue_passes(session, &request, now(), until)
        .await?;
    let issued = book.take_in(issued);
    home.keep_passes(name, &book)?;
    Ok(Passes {
        issued,
        valid: book.valid(now()),
        until,
    })
}

/// What passes a person has.
#[derive(Debug, Serialize)]
pub struct Passes {
    issued: usize,
    valid: usize,
    until: TimeMs,
}

impl fmt::Display for Passes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let until = self.until.to_text();
        writeln!(
            f,
            "{} pass(es) issued until {until}, {} valid",
            self.issued, self.valid
        )
    }
}

/// The old certificate stays valid to its end, unless it is revoked: what was signed under it can
/// be checked for ever, and grants to it are served.
async fn renew(context: &Context, name: &str, days: u64) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let session = &opened.session;
    let person = context.home.person(name)?;
    let old = person.certificate();
    let standing = session.person(old.id()).await?.standing(now());
    let member = session.member(old.member).await?.member;
    let ca = context.home.member_ca(member.name.as_str())?;
    let certificate = person.renewed(&ca, now(), days_after(now(), days));
    let id = ca.certify(session, certificate.clone()).await?;
    context.home.keep_person(name, certificate)?;
    context.output.tell(&Renewed {
        certified: Certified {
            name: name.to_owned(),
            member: member.name.to_string(),
            role: old.role,
            certificate: id,
        },
        before: old.id(),
        served_until: standing.is_ok().then_some(old.valid_until),
    })?;
    opened.close();
    Ok(())
}

async fn revoke(context: &Context, id: CertificateId, reason: &str) -> anyhow::Result<()> {
    let opened = context.open().await?;
    let session = &opened.session;
    let entry = session.certificate(id).await?;
    let member = session.member(entry.certificate.member).await?;
    let ca = context.home.member_ca(member.member.name.as_str())?;
    ca.revoke(session, id, Text::new(reason)?).await?;
    context.output.tell(&Revoked {
        certificate: id,
        subject: entry.certificate.subject.to_string(),
    })?;
    opened.close();
    Ok(())
}

/// A vote about a member.
#[derive(Debug, Args)]
pub struct VoteOptions {
    /// What: suspend, reinstate or expel
    #[arg(value_parser = one_of(Motion::ALL, Motion::name))]
    motion: Motion,
    /// About which member, by name
    subject: String,
    /// Whose vote, by name
    #[arg(long)]
    by: String,
    /// Take the vote back
    #[arg(long)]
    withdraw: bool,
}

async fn vote(context: &Context, options: VoteOptions) -> anyhow::Result<()> {
    let VoteOptions {
        motion,
        subject,
        by,
        withdraw,
    } = options;
    let opened = context.open().await?;
    let session = &opened.session;
    let ca = context.home.member_ca(&by)?;
    let about = people::member(session, &subject).await?;
    ca.vote(session, motion, about, !withdraw).await?;
    let standing = session.member(about).await?.standing;
    context.output.tell(&Voted {
        motion,
        subject,
        standing,
    })?;
    opened.close();
    Ok(())
}

async fn list(context: &Context) -> anyhow::Result<()> {
    let opened = context.open().await?;
    context.output.tell(&Registry {
        members: people::registry(&opened.session).await?,
        now: now(),
    })?;
    opened.close();
    Ok(())
}

#[derive(Serialize)]
struct Admitted {
    name: String,
    member: MemberId,
}

impl fmt::Display for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "admitted {} as member {}", self.name, self.member)
    }
}

#[derive(Serialize)]
struct Certified {
    name: String,
    member: String,
    role: Role,
    certificate: CertificateId,
}

impl fmt::Display for Certified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "certified {} as {} of {}",
            self.name, self.role, self.member
        )?;
        writeln!(f, "certificate {}", self.certificate)
    }
}

#[derive(Serialize)]
struct Renewed {
    #[serde(flatten)]
    certified: Certified,
    /// The certificate that was renewed.
    before: CertificateId,
    /// Until when grants to it are served, if they are.
    served_until: Option<TimeMs>,
}

impl fmt::Display for Renewed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            certified,
            before,
            served_until,
        } = self;
        certified.fmt(f)?;
        match served_until {
            Some(until) => writeln!(
                f,
                "grants to the one before, {before}, are served until {}, or until it is revoked",
                until.to_text()
            )?,
            None => writeln!(f, "grants to the one before, {before}, are served no more")?,
        }
        writeln!(
            f,
            "what is to be read after that, patients grant to the new one; what they shared opens"
        )
    }
}

#[derive(Serialize)]
struct Revoked {
    certificate: CertificateId,
    subject: String,
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "revoked the certificate {} of {}; grants to it are served no more",
            self.certificate, self.subject
        )
    }
}

#[derive(Serialize)]
struct Secured {
    member: String,
    host: Vec<String>,
    out: PathBuf,
}

impl fmt::Display for Secured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, host, out } = self;
        let (hosts, out) = (host.join(", "), out.display());
        writeln!(
            f,
            "{hosts} of {member} is certified; its files are in {out}"
        )
    }
}

#[derive(Serialize)]
struct Voted {
    motion: Motion,
    subject: String,
    standing: Standing,
}

impl fmt::Display for Voted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            motion,
            subject,
            standing,
        } = self;
        writeln!(
            f,
            "the vote to {motion} {subject} is noted; {subject} is {standing}"
        )
    }
}

#[derive(Serialize)]
struct Registry {
    members: Vec<Organisation>,
    #[serde(skip)]
    now: TimeMs,
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for listed in &self.members {
            let (name, standing) = (&listed.member.member.name, listed.member.standing);
            writeln!(f, "{}  {name}  {standing}", listed.id.short())?;
            for entry in &listed.certificates {
                let certificate = &entry.certificate;
                let standing = match listed.standing(entry, self.now) {
                    Ok(()) => format!("until {}", certificate.valid_until.to_text()),
                    Err(rule) => rule.to_string(),
                };
                let (role, subject) = (certificate.role, &certificate.subject);
                writeln!(f, "  {}  {role}  {subject}  {standing}", certificate.id())?;
            }
        }
        writeln!(f, "{} members", self.members.len())
    }
}
