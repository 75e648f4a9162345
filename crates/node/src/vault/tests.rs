use std::sync::Barrier;

use super::*;

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(text).unwrap()
}

fn said(text: &str) -> Said {
    Said::Passphrase(passphrase(text))
}

const FIRST: &str = "the first passphrase";
const SECOND: &str = "the second passphrase";

/// A folder that is sealed at the least cost.
fn sealed() -> (tempfile::TempDir, Vault) {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap();
    let vault = Vault::open(folder.path(), &said(FIRST)).unwrap();
    (folder, vault)
}

fn fault<T: std::fmt::Debug>(result: Result<T, VaultError>) -> String {
    result.unwrap_err().fault.to_string()
}

/// All files of a folder, one behind the other.
fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            bytes.extend(all_bytes(&path));
        } else {
            bytes.extend(fs::read(path).unwrap());
        }
    }
    bytes
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[test]
fn fault_13_secrets_on_disk_lie_open() {
    let (folder, vault) = sealed();
    vault
        .write("people/Dr Li.key", b"0123456789abcdef")
        .unwrap();
    let inner = vault.within("node").within("secrets");
    inner.write("share-3", b"fedcba9876543210").unwrap();
    let bytes = all_bytes(folder.path());
    assert!(!holds(&bytes, "01234567") && !holds(&bytes, "fedcba98"));
    let again = Vault::open(folder.path(), &said(FIRST)).unwrap();
    let read = again.read("people/Dr Li.key").unwrap();
    assert_eq!(read.as_slice(), b"0123456789abcdef");
    let read = again.read("node/secrets/share-3").unwrap();
    assert_eq!(read.as_slice(), b"fedcba9876543210");
    let wrong = Vault::open(folder.path(), &said(SECOND));
    assert_eq!(fault(wrong), "the passphrase is wrong");
    let none = Vault::open(folder.path(), &Said::Nothing).unwrap_err();
    assert!(matches!(none.fault, Fault::NoPassphrase), "{none}");
    assert!(none.fault.remedy().is_some());
}

#[test]
fn a_file_in_anothers_place_is_told_and_so_is_damage() {
    let (folder, vault) = sealed();
    vault.write("patients/ann.key", b"ann").unwrap();
    vault.write("patients/bob.key", b"bob").unwrap();
    let path = |name: &str| folder.path().join("patients").join(name);
    fs::copy(path("ann.key"), path("bob.key")).unwrap();
    let swapped = fault(vault.read("patients/bob.key"));
    assert_eq!(swapped, "sealed under another name, or by another home");
    let mut bytes = fs::read(path("ann.key")).unwrap();
    bytes[60] ^= 1;
    fs::write(path("ann.key"), bytes).unwrap();
    let error = vault.read("patients/ann.key").unwrap_err();
    assert_eq!(error.fault.to_string(), "the bytes are damaged");
    assert!(error.to_string().contains("ann.key"), "{error}");
    assert!(vault.read("patients/eve.key").unwrap_err().is_missing());
    let mut keystore = fs::read(folder.path().join(KEYSTORE)).unwrap();
    keystore[20] ^= 1;
    fs::write(folder.path().join(KEYSTORE), keystore).unwrap();
    let damaged = fault(Vault::open(folder.path(), &said(FIRST)));
    assert_eq!(damaged, "the bytes are damaged");
}

#[test]
fn what_is_sealed_is_not_mixed_with_what_is_not() {
    let (folder, vault) = sealed();
    vault.write("keys/a.key", b"a").unwrap();
    // Planted among sealed secrets.
    fs::write(folder.path().join("keys/b.key"), "b").unwrap();
    let planted = vault.read("keys/b.key").unwrap_err();
    assert!(matches!(planted.fault, Fault::Unsealed), "{planted}");
    vault.take_in("keys/b.key").unwrap();
    assert_eq!(vault.read("keys/b.key").unwrap().as_slice(), b"b");
    vault.take_in("keys/b.key").unwrap();
    let plain = Vault::open(folder.path(), &Said::Plain).unwrap_err();
    assert!(matches!(plain.fault, Fault::IsSealed), "{plain}");
    // Without its keystore, a folder is not plain.
    fs::remove_file(folder.path().join(KEYSTORE)).unwrap();
    for said in [Said::Nothing, said(FIRST)] {
        let error = Vault::open(folder.path(), &said).unwrap_err();
        assert!(matches!(error.fault, Fault::Undecided), "{error}");
    }
    let plain = Vault::open(folder.path(), &Said::Plain).unwrap_err();
    assert!(matches!(plain.fault, Fault::NoKeystore), "{plain}");
    let begun = Vault::begin(folder.path(), &said(FIRST)).unwrap_err();
    assert!(matches!(begun.fault, Fault::Unsealed), "{begun}");
    let read = Vault::plain(folder.path()).read("keys/a.key").unwrap_err();
    assert!(matches!(read.fault, Fault::NoKeystore), "{read}");
}

/// What is sealed under another name than the one it is read by is lost, and what is public and
/// sealed is of no use.
#[test]
fn nothing_but_a_secret_is_sealed_and_under_no_other_name_of_it() {
    let (folder, vault) = sealed();
    let path = |name: &str| folder.path().join(name);
    let outside = tempfile::tempdir().unwrap();
    let far = outside.path().join("key.pem");
    fs::write(&far, "outside").unwrap();
    for name in [
        "tls/key.pem",
        "tls/root.pem",
        "nodes/North/identities.json",
        "genesis.json",
        "keystore.old",
    ] {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), name).unwrap();
    }
    std::os::unix::fs::symlink(&far, path("tls/link.key")).unwrap();
    let absolute = path("tls/key.pem");
    for name in [
        "./tls/key.pem",
        "tls//key.pem",
        "tls/../tls/key.pem",
        absolute.to_str().unwrap(),
        far.to_str().unwrap(),
        "tls/root.pem",
        "tls/link.key",
        "nodes/North/identities.json",
        "genesis.json",
        "keystore.old",
        KEYSTORE,
        "tls",
        "tls/none.key",
        "",
    ] {
        let before = all_bytes(folder.path());
        let error = vault.take_in(name).unwrap_err();
        assert!(matches!(error.fault, Fault::NoSecret), "{name}: {error}");
        assert!(error.fault.remedy().is_some());
        assert_eq!(all_bytes(folder.path()), before, "{name}");
    }
    assert_eq!(fs::read(far).unwrap(), b"outside");
    vault.take_in("tls/key.pem").unwrap();
    let again = Vault::open(folder.path(), &said(FIRST)).unwrap();
    assert_eq!(
        again.read("tls/key.pem").unwrap().as_slice(),
        b"tls/key.pem"
    );
    // Of an inner folder the name goes on from there, as it is read.
    let inner = vault.within("nodes").within("North");
    inner.take_in("identities.json").unwrap();
    assert!(again.read("nodes/North/identities.json").is_ok());
}

#[test]
fn in_a_plain_folder_no_file_is_sealed_alone() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::begin(folder.path(), &Said::Plain).unwrap();
    vault.write("tls/key.pem", b"key").unwrap();
    let error = vault.take_in("tls/key.pem").unwrap_err();
    assert!(matches!(error.fault, Fault::NotSealed), "{error}");
    assert_eq!(vault.read("tls/key.pem").unwrap().as_slice(), b"key");
}

#[test]
fn nothing_is_plain_by_accident() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let begun = Vault::begin(&home, &Said::Nothing).unwrap_err();
    assert!(matches!(begun.fault, Fault::Undecided), "{begun}");
    assert!(!home.exists());
    let vault = Vault::begin(&home, &Said::Plain).unwrap();
    assert!(!vault.is_sealed());
    assert_eq!(Keeping::of(&home), Keeping::Plain);
    assert!(Vault::begin(&home, &Said::Nothing).is_ok());
    let error = Vault::begin(&home, &said(FIRST)).unwrap_err();
    assert!(matches!(error.fault, Fault::IsPlain), "{error}");
    let short = Vault::begin(&folder.path().join("other"), &said("short"));
    assert_eq!(fault(short), "a new passphrase has 8 characters at least");
    let mode = fs::metadata(&home).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

/// `yilian-node identity /etc/node.json`, typed as root.
#[test]
fn a_folder_of_other_things_is_not_closed_to_others() {
    let folder = tempfile::tempdir().unwrap();
    let etc = folder.path().join("etc");
    let mode = || fs::metadata(&etc).unwrap().permissions().mode() & 0o777;
    fs::create_dir_all(etc.join("ssl")).unwrap();
    fs::write(etc.join("hosts"), "::1 localhost").unwrap();
    fs::set_permissions(&etc, fs::Permissions::from_mode(0o755)).unwrap();
    for said in [Said::Plain, said(FIRST)] {
        let error = Vault::begin(&etc, &said).unwrap_err();
        assert!(matches!(error.fault, Fault::Foreign), "{error}");
        assert!(error.fault.remedy().is_some());
    }
    let sealed = seal_folder(&etc, &passphrase(FIRST), Cost::LEAST).unwrap_err();
    assert!(matches!(sealed.fault, Fault::NoHome), "{sealed}");
    assert_eq!(mode(), 0o755);
    assert_eq!(fs::read_dir(&etc).unwrap().count(), 2);
    // A node's folder that somebody made by hand is closed, and so is an empty one.
    fs::write(etc.join("node.json"), "{}").unwrap();
    Vault::begin(&etc, &Said::Plain).unwrap();
    assert_eq!(mode(), 0o700);
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    fs::set_permissions(&empty, fs::Permissions::from_mode(0o755)).unwrap();
    Vault::begin(&empty, &Said::Plain).unwrap();
}

/// As in `/tmp`, of which root makes his home: anybody puts there what a home has.
#[test]
fn no_name_in_a_folder_makes_it_a_home() {
    let folder = tempfile::tempdir().unwrap();
    let (root, me) = (folder.path(), geteuid());
    let open = |mode| fs::set_permissions(root, fs::Permissions::from_mode(mode)).unwrap();
    // Not even an empty one, which need not stay so.
    for mode in [0o1777, 0o775, 0o757] {
        open(mode);
        assert!(is_foreign(root, me).unwrap(), "{mode:o}");
    }
    fs::create_dir(root.join("people")).unwrap();
    fs::write(root.join("node.json"), "{}").unwrap();
    for mode in [0o1777, 0o775, 0o757] {
        open(mode);
        let error = Vault::begin(root, &Said::Plain).unwrap_err();
        assert!(matches!(error.fault, Fault::Foreign), "{mode:o}: {error}");
        let now = fs::metadata(root).unwrap().permissions().mode();
        assert_eq!(now & 0o7777, mode);
    }
    // Nobody else writes there: then a file says so, if it is one's own.
    open(0o755);
    assert!(!is_foreign(root, me).unwrap());
    let another = Uid::from_raw(me.as_raw() ^ 1);
    assert!(is_foreign(root, another).unwrap());
    // A folder or a link of such a name says nothing.
    fs::rename(root.join("node.json"), root.join("notes")).unwrap();
    assert!(is_foreign(root, me).unwrap(), "people");
    std::os::unix::fs::symlink("notes", root.join("net.json")).unwrap();
    fs::create_dir(root.join("genesis.json")).unwrap();
    assert!(is_foreign(root, me).unwrap());
    fs::write(root.join("ceremony.json"), "{}").unwrap();
    assert!(!is_foreign(root, me).unwrap());
    open(0o700);
    Vault::begin(root, &Said::Plain).unwrap();
}

#[test]
fn of_two_that_begin_at_once_nobody_loses_what_he_seals() {
    let folder = tempfile::tempdir().unwrap();
    let both = Barrier::new(2);
    let begin = || {
        both.wait();
        make(folder.path(), &passphrase(FIRST), Cost::LEAST)
    };
    let made = std::thread::scope(|scope| {
        let running = [scope.spawn(begin), scope.spawn(begin)];
        running.map(|thread| thread.join().unwrap())
    });
    assert_eq!(
        made.iter().filter(|made| made.is_ok()).count(),
        1,
        "{made:?}"
    );
    assert!(Vault::open(folder.path(), &said(FIRST)).is_ok());
}

#[test]
fn another_passphrase_is_one_file_and_can_be_repeated() {
    let (folder, vault) = sealed();
    vault.write("keys/a.key", b"a").unwrap();
    let before = fs::read(folder.path().join("keys/a.key")).unwrap();
    let (first, second) = (passphrase(FIRST), passphrase(SECOND));
    let change = |old: &Passphrase| super::change(folder.path(), old, &second, Cost::LEAST);
    assert_eq!(
        fault(change(&passphrase("neither"))),
        "the passphrase is wrong"
    );
    for _ in 0..2 {
        change(&first).unwrap();
    }
    assert_eq!(fs::read(folder.path().join("keys/a.key")).unwrap(), before);
    let vault = Vault::open(folder.path(), &said(SECOND)).unwrap();
    assert_eq!(vault.read("keys/a.key").unwrap().as_slice(), b"a");
    assert!(Vault::open(folder.path(), &said(FIRST)).is_err());
    let short = super::change(folder.path(), &second, &passphrase("short"), Cost::LEAST);
    assert_eq!(fault(short), "a new passphrase has 8 characters at least");
    assert!(Vault::open(folder.path(), &said(SECOND)).is_ok());
}

/// Plain secrets as a home and a node have them, and what is public beside.
fn plain_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::begin(folder.path(), &Said::Plain).unwrap();
    for name in SECRETS.into_iter().chain(PUBLIC) {
        vault.write(name, name.as_bytes()).unwrap();
    }
    folder
}

const SECRETS: [&str; 14] = [
    "ceremony/secrets/dealing-0-ab",
    "data/secrets/share-1",
    "identities.json",
    "keys/consortium.key",
    "keys/validator.json",
    "members/North-node.key",
    "node/secrets/seed-0",
    "patients/ann.json",
    "patients/ann.key",
    "people/Dr.queue",
    "people/Dr.sealed/0a.json",
    "tls/client.pem",
    "tls/members/North.key",
    "validator.json",
];
const PUBLIC: [&str; 9] = [
    "data/objects/0.pack",
    "genesis.json",
    "issued/product",
    "members/North.json",
    "node.json",
    "patients/ann.name",
    "people/Dr.json",
    "people/Dr.sealing",
    "tls/root.pem",
];

#[test]
fn a_plain_folder_is_sealed_whole_and_what_is_public_stays() {
    let folder = plain_folder();
    assert_eq!(secrets(folder.path()).unwrap(), SECRETS);
    let count = seal_folder(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap();
    assert_eq!(count, SECRETS.len());
    assert_eq!(Keeping::of(folder.path()), Keeping::Sealed);
    let vault = Vault::open(folder.path(), &said(FIRST)).unwrap();
    for name in SECRETS {
        assert!(
            keystore::is_sealed(&fs::read(vault.path(name)).unwrap()),
            "{name}"
        );
        assert_eq!(vault.read(name).unwrap().as_slice(), name.as_bytes());
    }
    for name in PUBLIC {
        assert_eq!(fs::read(vault.path(name)).unwrap(), name.as_bytes());
    }
    let again = seal_folder(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap_err();
    assert!(matches!(again.fault, Fault::IsSealed), "{again}");
}

/// As a kill leaves it at each step: nothing is lost, nobody takes it for plain or for sealed, and
/// the same command goes on.
#[test]
fn sealing_that_was_interrupted_goes_on() {
    for done in 0..=SECRETS.len() {
        let folder = plain_folder();
        make(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap();
        let vault = Vault::with(
            folder.path().to_owned(),
            Some(key(folder.path(), &passphrase(FIRST)).unwrap()),
        );
        for name in &SECRETS[..done] {
            vault.seal(name).unwrap();
        }
        for said in [Said::Nothing, Said::Plain, said(FIRST)] {
            let error = Vault::begin(folder.path(), &said).unwrap_err();
            assert!(matches!(error.fault, Fault::HalfSealed), "{error}");
        }
        let other = seal_folder(folder.path(), &passphrase(SECOND), Cost::LEAST);
        assert_eq!(fault(other), "the passphrase is wrong");
        seal_folder(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap();
        let vault = Vault::open(folder.path(), &said(FIRST)).unwrap();
        for name in SECRETS {
            assert_eq!(vault.read(name).unwrap().as_slice(), name.as_bytes());
        }
    }
}

/// Whoever is killed while he writes leaves a draft, as plain as the secret was to be.
#[test]
fn what_a_kill_left_plain_goes_when_its_folder_is_sealed() {
    let folder = plain_folder();
    let drafts = [
        ".identities.json.71-0.new",
        ".keystore.71-1.new",
        "keys/.consortium.key.71-2.new",
        "people/Dr.sealed/.0a.json.71-3.new",
        "data/secrets/.share-1.71-4.new",
    ];
    for name in drafts {
        fs::write(folder.path().join(name), "0123456789abcdef").unwrap();
    }
    // What is called otherwise is somebody's.
    fs::write(folder.path().join("keys/a.new"), "fedcba9876543210").unwrap();
    fs::write(folder.path().join("notes.new"), "notes").unwrap();
    let count = seal_folder(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap();
    assert_eq!(count, SECRETS.len() + 1);
    let bytes = all_bytes(folder.path());
    assert!(!holds(&bytes, "01234567") && !holds(&bytes, "fedcba98"));
    for name in drafts {
        assert!(!folder.path().join(name).exists(), "{name}");
    }
    let vault = Vault::open(folder.path(), &said(FIRST)).unwrap();
    assert_eq!(
        vault.read("keys/a.new").unwrap().as_slice(),
        b"fedcba9876543210"
    );
    assert_eq!(fs::read(vault.path("notes.new")).unwrap(), b"notes");
}

/// A draft of the first keystore opens with the first passphrase, whatever came later.
#[test]
fn no_copy_of_an_old_keystore_outlives_a_change() {
    let (folder, vault) = sealed();
    vault.write("keys/a.key", b"a").unwrap();
    let path = |name: &str| folder.path().join(name);
    let left = [".keystore.71-0.new", "keys/.b.key.71-1.new"];
    let written = path("keys/.c.key.72-0.new");
    let leave = || {
        fs::copy(path(KEYSTORE), path(left[0])).unwrap();
        fs::write(path(left[1]), "0123456789abcdef").unwrap();
        let long_ago = std::time::SystemTime::now() - 2 * WRITTEN;
        let file = fs::File::options().write(true).open(path(left[1])).unwrap();
        file.set_modified(long_ago).unwrap();
    };
    // A node that runs may be writing this one.
    fs::write(&written, "").unwrap();
    let change = |to| {
        super::change(
            folder.path(),
            &passphrase(FIRST),
            &passphrase(to),
            Cost::LEAST,
        )
    };
    // Also when only what was left is left to do.
    for _ in 0..2 {
        leave();
        change(SECOND).unwrap();
        for name in left {
            assert!(!path(name).exists(), "{name}");
        }
        assert!(written.exists());
    }
    let vault = Vault::open(folder.path(), &said(SECOND)).unwrap();
    assert_eq!(vault.read("keys/a.key").unwrap().as_slice(), b"a");
}

#[test]
fn what_is_half_sealed_gets_no_other_passphrase() {
    let folder = plain_folder();
    make(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap();
    let before = all_bytes(folder.path());
    let change = super::change(
        folder.path(),
        &passphrase(FIRST),
        &passphrase(SECOND),
        Cost::LEAST,
    );
    assert!(matches!(change.unwrap_err().fault, Fault::HalfSealed));
    assert_eq!(all_bytes(folder.path()), before);
}

#[test]
fn a_passphrase_comes_from_the_first_line_of_a_file_that_is_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("passphrase");
    let read = |content: &[u8], mode: u32| {
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        read_passphrase(&path).map(|read| read.expose().to_owned())
    };
    for content in [
        "山高月小 below",
        "山高月小 below\n",
        "山高月小 below\r\nmore\n",
        // As some editors begin a file.
        "\u{feff}山高月小 below\n",
    ] {
        assert_eq!(read(content.as_bytes(), 0o600).unwrap(), "山高月小 below");
    }
    // systemd's credentials may be for a group.
    assert!(read(b"over the hills", 0o440).is_ok());
    let error = read(b"over the hills", 0o604).unwrap_err();
    assert!(matches!(error.fault, Fault::OthersRead), "{error}");
    assert!(!error.to_string().contains("hills"));
    for bad in [b"".as_slice(), b"\n", &[0xff, 0xfe], &[b'x'; 1025]] {
        assert!(read(bad, 0o600).is_err(), "{bad:?}");
    }
    let missing = read_passphrase(&folder.path().join("none")).unwrap_err();
    assert!(missing.is_missing());
}

/// Of two at once one would be told that it is done, and its passphrase would open nothing.
#[test]
fn of_two_changes_at_once_one_is_refused_and_what_is_told_holds() {
    let (folder, _) = sealed();
    let open = |new| {
        let (old, new) = (passphrase(FIRST), passphrase(new));
        Change::open(folder.path(), &old, &new, Cost::LEAST)
    };
    let first = open(SECOND).unwrap();
    let second = open("the third passphrase").unwrap_err();
    assert!(matches!(second.fault, Fault::InHand), "{second}");
    assert!(second.fault.remedy().is_some());
    let sealing = seal_folder(folder.path(), &passphrase(FIRST), Cost::LEAST).unwrap_err();
    assert!(matches!(sealing.fault, Fault::InHand), "{sealing}");
    first.write().unwrap();
    Vault::open(folder.path(), &said(SECOND)).unwrap();
    let late = open("the third passphrase").unwrap_err();
    assert!(late.is_wrong_passphrase(), "{late}");
}
