//! X.509 certificates for TLS (RFC 5280): the consortium's root, each member's CA under it, and
//! what a member's CA certifies for its nodes and desks. P-256, which every browser takes; the keys
//! that sign on the chain are others.
//!
//! ```text
//! tls/root.pem, root.key         the root: signs members' CAs, each constrained to its names
//!                                and addresses
//! tls/members/NAME.pem, NAME.key a member's CA
//! tls/client.pem                 what this home shows to nodes: certificate, chain and key
//! ```

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    NameConstraints, PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use yilian_node::{tls::member_name, vault::Vault};
use yilian_protocol::MemberId;
use zeroize::Zeroizing;

use crate::{
    home::{Home, file_name, write_private},
    output::trouble,
    target::{Target, standing},
};

/// Days for which the root, and a member's CA, are good.
pub const CA_DAYS: i64 = 10 * 365;
/// Days for which a node's certificate is good, if not said otherwise; browsers take no more than
/// 397.
pub const LEAF_DAYS: i64 = 397;

const ROOT: &str = "tls/root";
/// What a home shows to nodes.
const SHOWN: &str = "tls/client.pem";
/// The root's subject.
const ROOT_NAME: &str = "Yilian consortium";

/// A certificate with its chain, and its key; PEM.
pub struct Certified {
    /// The consortium's root.
    pub root: String,
    /// The certificate, and its member's CA's.
    pub chain: String,
    /// Its private key.
    pub key: Zeroizing<String>,
}

/// Certifies a node or desk of the member called `name`, to be reached at `hosts` (DNS names or IP
/// addresses). Makes root and member's CA when they are not there yet.
pub fn certify(home: &Home, name: &str, hosts: &[String], days: i64) -> anyhow::Result<Certified> {
    let member = home.member_ca(name)?.id();
    let root = root(home)?;
    let ca = member_ca(home, name, member, hosts)?;
    let names = hosts.iter().cloned().chain([member_name(member)]);
    let mut params = params(name, days, names.collect())?;
    params.use_authority_key_identifier_extension = true;
    // Said in so many words, the certificate has an identifier of its key, too.
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.signed_by(&key, &ca.issuer(&ca_name(name))?)?;
    Ok(Certified {
        root: root.certificate,
        chain: certificate.pem() + &ca.certificate,
        key: Zeroizing::new(key.serialize_pem()),
    })
}

/// What `node.json` calls the root's certificate, a node's with its CA's, and its key.
const FILES: [&str; 3] = ["root.pem", "chain.pem", "key.pem"];

/// A folder for what is certified, which is made if it is not there.
pub struct Place {
    folder: PathBuf,
    /// Whether those of before are there, to be replaced.
    renews: bool,
}

impl Place {
    /// Looks whether the three files can be written there. They replace none but those that were
    /// written there before: beside them stands this home's root.
    pub fn new(home: &Home, folder: &Path) -> anyhow::Result<Self> {
        if standing(folder)?.is_some_and(|found| !found.is_dir()) {
            let cause = format!("{} is no folder", folder.display());
            return Err(trouble(
                cause,
                "name a folder, and no link to one; it is made if it is not there",
            ));
        }
        let mut there = Vec::new();
        for file in FILES.map(|name| folder.join(name)) {
            if let Some(found) = standing(&file)? {
                there.push((file, found.is_file()));
            }
        }
        let is_foreign = || match std::fs::read(home.root().join(format!("{ROOT}.pem"))) {
            Ok(root) => !std::fs::read(folder.join(FILES[0])).is_ok_and(|there| there == root),
            Err(_) => true,
        };
        let other = there.iter().find(|(_, is_file)| !is_file);
        if let Some((file, _)) = other.or_else(|| there.first().filter(|_| is_foreign())) {
            let cause = format!("{} exists, and is not overwritten", file.display());
            return Err(trouble(cause, "name another folder, or move it away"));
        }
        Ok(Self {
            folder: folder.to_owned(),
            renews: !there.is_empty(),
        })
    }

    /// Writes what was certified. The key is not sealed: it is for another folder.
    pub fn write(&self, certified: &Certified) -> anyhow::Result<()> {
        let made = std::fs::create_dir_all(&self.folder);
        made.with_context(|| format!("cannot make {}", self.folder.display()))?;
        let Certified { root, chain, key } = certified;
        for (name, text) in FILES.into_iter().zip([root.as_str(), chain, key]) {
            let file = self.folder.join(name);
            match self.renews {
                true => write_private(&file, text.as_bytes())?,
                false => Target::new(&file)?.write(text.as_bytes())?,
            }
        }
        Ok(())
    }
}

/// Writes what was certified in `tls/` of a node's folder, where its key is a secret among others.
pub fn keep(certified: &Certified, node: &Vault) -> anyhow::Result<()> {
    write_private(&node.path("tls/root.pem"), certified.root.as_bytes())?;
    write_private(&node.path("tls/chain.pem"), certified.chain.as_bytes())?;
    Ok(node.write("tls/key.pem", certified.key.as_bytes())?)
}

/// Has this home show a certificate of the member called `name` when it calls a node.
pub fn show(home: &Home, name: &str) -> anyhow::Result<()> {
    let Certified { chain, key, .. } = certify(home, name, &[], LEAF_DAYS)?;
    let shown = Zeroizing::new([chain.as_str(), key.as_str()].concat());
    Ok(home.begin()?.write(SHOWN, shown.as_bytes())?)
}

/// What this home shows to nodes, if anything.
pub fn shown(home: &Home) -> anyhow::Result<Option<Zeroizing<Vec<u8>>>> {
    if !home.root().join(SHOWN).exists() {
        return Ok(None);
    }
    Ok(Some(home.vault()?.read(SHOWN)?))
}

/// A CA that is kept in the home.
struct Authority {
    certificate: String,
    key: Zeroizing<String>,
}

impl Authority {
    fn read(home: &Home, stem: &str) -> anyhow::Result<Option<Self>> {
        let path = home.root().join(format!("{stem}.pem"));
        if !path.exists() {
            return Ok(None);
        }
        let certificate = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let key = home.vault()?.read(&format!("{stem}.key"))?;
        let key = std::str::from_utf8(&key).context("a CA's key is no text")?;
        Ok(Some(Self {
            certificate,
            key: Zeroizing::new(key.to_owned()),
        }))
    }

    /// The certificate last: without it there is no CA.
    fn keep(self, home: &Home, stem: &str) -> anyhow::Result<Self> {
        let name = format!("{stem}.key");
        home.begin()?.write(&name, self.key.as_bytes())?;
        let path = home.root().join(format!("{stem}.pem"));
        write_private(&path, self.certificate.as_bytes())?;
        Ok(self)
    }

    /// What signs in the name of `name`, the subject of this CA's certificate. No other part of
    /// that certificate enters what is signed.
    fn issuer(&self, name: &str) -> anyhow::Result<Issuer<'static, KeyPair>> {
        let key = KeyPair::from_pem(&self.key)?;
        Ok(Issuer::new(ca_params(name, 0)?, key))
    }
}

fn root(home: &Home) -> anyhow::Result<Authority> {
    if let Some(known) = Authority::read(home, ROOT)? {
        return Ok(known);
    }
    let params = ca_params(ROOT_NAME, 1)?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let made = Authority {
        certificate: params.self_signed(&key)?.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    };
    made.keep(home, ROOT)
}

/// The subject of the CA of the member called `name`. It is another than that of what it certifies:
/// what has the same subject as its issuer passes for signed by itself.
fn ca_name(name: &str) -> String {
    format!("{name} CA")
}

/// The member's CA, which may certify the member and `hosts`, and nothing else. Its certificate is
/// made each time, and its key once.
fn member_ca(
    home: &Home,
    name: &str,
    member: MemberId,
    hosts: &[String],
) -> anyhow::Result<Authority> {
    let stem = format!("tls/members/{}", file_name(name));
    let key = match Authority::read(home, &stem)? {
        Some(known) => KeyPair::from_pem(&known.key)?,
        None => KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?,
    };
    let root = root(home)?;
    let mut params = ca_params(&ca_name(name), 0)?;
    params.use_authority_key_identifier_extension = true;
    params.name_constraints = Some(constraints(member, hosts));
    let made = Authority {
        certificate: params.signed_by(&key, &root.issuer(ROOT_NAME)?)?.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    };
    made.keep(home, &stem)
}

/// What a member's CA may name (RFC 5280, 4.2.1.10). A kind of names of which none is permitted is
/// not constrained at all, so addresses of a kind that no host has are excluded.
fn constraints(member: MemberId, hosts: &[String]) -> NameConstraints {
    let mut excluded = vec![
        (IpAddr::from(Ipv4Addr::UNSPECIFIED), 0),
        (Ipv6Addr::UNSPECIFIED.into(), 0),
    ];
    let mut permitted = vec![GeneralSubtree::DnsName(member_name(member))];
    for host in hosts {
        permitted.push(match host.parse::<IpAddr>() {
            Ok(address) => {
                excluded.retain(|(all, _)| all.is_ipv4() != address.is_ipv4());
                let bits = if address.is_ipv4() { 32 } else { 128 };
                GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(address, bits))
            }
            Err(_) => GeneralSubtree::DnsName(host.clone()),
        });
    }
    let excluded = excluded
        .into_iter()
        .map(|(all, bits)| GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(all, bits)));
    NameConstraints {
        permitted_subtrees: permitted,
        excluded_subtrees: excluded.collect(),
    }
}

/// A CA that certifies CAs down to `below` levels under it.
fn ca_params(name: &str, below: u8) -> anyhow::Result<CertificateParams> {
    let mut params = params(name, CA_DAYS, Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// From yesterday on, for clocks that are behind.
fn params(name: &str, days: i64, names: Vec<String>) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::new(names)?;
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    params.distinguished_name = subject;
    let day = |days: i64| {
        let moment = Timestamp::now().checked_add(SignedDuration::from_hours(24 * days))?;
        let date = moment.to_zoned(TimeZone::UTC).date();
        let (month, day) = (u8::try_from(date.month())?, u8::try_from(date.day())?);
        anyhow::Ok(date_time_ymd(date.year().into(), month, day))
    };
    params.not_before = day(-1)?;
    params.not_after = day(days)?;
    Ok(params)
}
