//! Who may ask a node what, under TLS: nobody is believed about who they are.

use std::path::PathBuf;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256,
};
use reqwest::{Certificate, Client, Identity, StatusCode};
use yilian_node::tls::member_name;
use yilian_protocol::MemberId;

use crate::{net::Net, yilian::text};

impl Net {
    fn pem(&self, name: &str) -> Vec<u8> {
        let path: PathBuf = self.yilian.path(&format!("home/tls/{name}"));
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn member(&self, node: usize) -> MemberId {
        let name = text(&self.nodes[node], "member");
        let listed = self.at(node, &["ca", "list"]);
        let members = listed["members"].as_array().unwrap().clone();
        let known = members.iter().find(|entry| entry["member"]["name"] == name);
        text(known.unwrap(), "id").parse().unwrap()
    }

    /// What a caller who shows `identity` is answered.
    fn ask(&self, route: &str, identity: Option<&[u8]>) -> Result<(StatusCode, String), String> {
        let root = Certificate::from_pem(&self.pem("root.pem")).unwrap();
        let mut client = Client::builder().tls_certs_only([root]);
        if let Some(identity) = identity {
            client = client.identity(Identity::from_pem(identity).unwrap());
        }
        let url = format!("{}/{route}", self.url(0));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let answer = client.build().unwrap().get(url).send().await;
            let answer = answer.map_err(|error| format!("{error:?}"))?;
            let status = answer.status();
            Ok((status, answer.text().await.unwrap_or_default()))
        })
    }
}

/// A certificate for `names` by the CA whose files begin with `prefix`, with chain and key.
fn forged(net: &Net, prefix: &str, names: &[String]) -> Vec<u8> {
    let files = std::fs::read_dir(net.yilian.path("home/tls/members")).unwrap();
    let mut files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let file = files.find(|file| file.starts_with(prefix)).unwrap();
    let (stem, _) = file.rsplit_once('.').unwrap();
    let pem = |extension: &str| {
        let file = format!("members/{stem}.{extension}");
        String::from_utf8(net.pem(&file)).unwrap()
    };
    let ca_key = KeyPair::from_pem(&pem("key")).unwrap();
    let mut subject = DistinguishedName::new();
    let organisation = prefix.trim_end_matches('-').replace('_', " ");
    subject.push(DnType::CommonName, organisation + " CA");
    let mut ca = CertificateParams::default();
    ca.distinguished_name = subject;
    let ca = Issuer::new(ca, ca_key);
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let mut params = CertificateParams::new(names).unwrap();
    params.use_authority_key_identifier_extension = true;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let certificate = params.signed_by(&key, &ca).unwrap();
    [certificate.pem(), pem("pem"), key.serialize_pem()]
        .concat()
        .into_bytes()
}

#[test]
fn what_is_for_members_is_answered_to_members_that_may_act() {
    let mut net = Net::dealt("1", "3");
    net.up();
    net.well();
    let url = net.url(0);
    assert!(url.starts_with("https://"), "{url}");
    let second = net.member(1);
    let log = format!("v1/logs/{}", net.member(0));
    let own = net.pem("client.pem");

    // Anybody may read the chain, members only who wrote what in a hospital.
    let (status, _) = net.ask("v1/status", None).unwrap();
    assert_eq!(status, StatusCode::OK);
    for route in [log.as_str(), "metrics"] {
        let (status, said) = net.ask(route, None).unwrap();
        assert_eq!(status, StatusCode::FORBIDDEN, "{route}: {said}");
        assert!(said.contains("not-a-member"), "{said}");
        let (status, said) = net.ask(route, Some(&own)).unwrap();
        assert_ne!(status, StatusCode::FORBIDDEN, "{route}: {said}");
    }

    // Another member's own CA cannot name the first, and nobody's key is the root's.
    let honest = forged(&net, "Hospital_2-", &[member_name(second)]);
    let (status, _) = net.ask("metrics", Some(&honest)).unwrap();
    assert_eq!(status, StatusCode::OK);
    let false_name = forged(&net, "Hospital_2-", &[member_name(net.member(0))]);
    let refused = net.ask("metrics", Some(&false_name));
    assert!(refused.is_err(), "believed: {refused:?}");
    // Nor can it speak for an address that is not its node's, of either kind.
    for address in ["192.0.2.1", "127.0.0.2", "2001:db8::1", "::ffff:127.0.0.1"] {
        let false_address = [member_name(second), address.to_owned()];
        let refused = net.ask(
            "metrics",
            Some(&forged(&net, "Hospital_2-", &false_address)),
        );
        assert!(refused.is_err(), "believed for {address}: {refused:?}");
    }
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let params = CertificateParams::new(vec![member_name(second)]).unwrap();
    let alone = params.self_signed(&key).unwrap();
    let alone = [alone.pem(), key.serialize_pem()].concat();
    let refused = net.ask("metrics", Some(alone.as_bytes()));
    assert!(refused.is_err(), "believed: {refused:?}");

    // Suspended: the certificate is as good as before, and the member is not.
    for voter in [0, 2] {
        let by = text(&net.nodes[voter], "member");
        let subject = text(&net.nodes[1], "member");
        net.at(0, &["ca", "vote", "suspend", &subject, "--by", &by]);
    }
    let (status, said) = net.ask("metrics", Some(&honest)).unwrap();
    assert_eq!(status, StatusCode::FORBIDDEN, "{said}");
    assert!(said.contains("member-suspended"), "{said}");

    // Plain HTTP is not spoken there, and without the root nobody is believed to be the node.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let plain = reqwest::Client::new().get(url.replace("https", "http"));
    assert!(runtime.block_on(plain.send()).is_err());
    let stranger = reqwest::Client::new().get(format!("{url}/v1/status"));
    assert!(runtime.block_on(stranger.send()).is_err());
}

#[test]
fn a_certificate_is_made_anew_and_a_wrong_one_is_named() {
    let net = Net::dealt("1", "0");
    let (member, home) = (text(&net.nodes[0], "member"), net.yilian.file("home"));
    let tls = format!("{home}/nodes/validator-1/tls");
    let chain = || std::fs::read_to_string(format!("{tls}/chain.pem")).unwrap();
    let before = chain();
    let hosts = ["--host", "127.0.0.1", "--host", "node.hospital.example"];
    let renew = ["ca", "tls", &member, "--out", &tls];
    net.yilian.ok(&[&renew[..], &hosts].concat());
    assert_ne!(chain(), before);
    let check = || {
        let own = PathBuf::from(env!("CARGO_BIN_EXE_yilian"));
        let program = own.with_file_name("yilian-node");
        let settings = format!("{home}/nodes/validator-1/node.json");
        let mut command = std::process::Command::new(program);
        let output = command.args(["--check", "--config", &settings]).output();
        let output = output.unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    assert!(check().0);
    // A key that does not fit.
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    std::fs::write(format!("{tls}/key.pem"), key.serialize_pem()).unwrap();
    let (sound, said) = check();
    assert!(!sound && said.contains("cannot be used"), "{said}");
}

/// Runs a program that the system may not have, and says whether it succeeded and what it said.
fn elsewhere(program: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let output = std::process::Command::new(program).args(arguments).output();
    let Ok(output) = output else {
        eprintln!("SKIPPED: there is no {program}; `cargo xtask test` installs it");
        return None;
    };
    let told = [output.stdout, output.stderr].concat();
    Some((
        output.status.success(),
        String::from_utf8_lossy(&told).into_owned(),
    ))
}

#[test]
fn others_verify_the_certificates_too() {
    let mut net = Net::dealt("2", "0");
    net.up();
    let tls = format!("{}/nodes/validator-1/tls", net.yilian.file("home"));
    let (root, chain) = (format!("{tls}/root.pem"), format!("{tls}/chain.pem"));
    let strict = |certificate: &str, more: &[&str]| {
        let trusted = ["verify", "-x509_strict", "-CAfile", &root];
        let below = ["-untrusted", certificate, certificate];
        elsewhere("openssl", &[&trusted[..], more, &below].concat())
    };
    let sound = |verified: Option<(bool, String)>| {
        if let Some((sound, told)) = verified {
            assert!(sound, "{told}");
        }
    };
    for purpose in ["sslserver", "sslclient"] {
        let named = ["-purpose", purpose, "-verify_ip", "127.0.0.1"];
        sound(strict(&chain, &named));
    }
    // By the same eyes: what a member's CA signs for an address of somebody else.
    let second = net.member(1);
    for (address, is_its_own) in [
        ("127.0.0.1", true),
        ("192.0.2.1", false),
        ("2001:db8::1", false),
    ] {
        let names = [member_name(second), address.to_owned()];
        let file = net.yilian.path("other.pem");
        std::fs::write(&file, forged(&net, "Hospital_2-", &names)).unwrap();
        if let Some((sound, told)) = strict(file.to_str().unwrap(), &[]) {
            assert_eq!(sound, is_its_own, "{address}: {told}");
            assert!(is_its_own || told.contains("permitted subtree") || told.contains("excluded"));
        }
    }
    let url = format!("{}/v1/status", net.url(0));
    let asked = [
        "--silent",
        "--show-error",
        "--fail",
        "--cacert",
        &root,
        &url,
    ];
    sound(elsewhere("curl", &asked));
    // A desk's, which has no address at all.
    let shown = net.yilian.path("home/tls/client.pem");
    sound(strict(shown.to_str().unwrap(), &["-purpose", "sslclient"]));
}
