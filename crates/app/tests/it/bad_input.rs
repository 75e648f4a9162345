//! What must be refused, with a clear error, and change nothing.

use crate::yilian::{Yilian, text, visit};

fn cause(error: &serde_json::Value) -> String {
    error["error"].to_string()
}

#[test]
fn malformed_bundles_are_named_by_resource_and_path() {
    let yilian = Yilian::new();
    let unknown = visit("I10").replace("\"gender\": \"female\"", "\"gendre\": \"female\"");
    let file = yilian.write("bundle.json", &unknown);
    let error = cause(&yilian.fails(&["validate", &file]));
    assert!(
        error.contains("gendre") && error.contains("Patient"),
        "{error}"
    );

    let dangling = visit("I10").replace(
        "\"encounter\": { \"reference\": \"urn:uuid:1c3151bd",
        "\"encounter\": { \"reference\": \"urn:uuid:9c3151bd",
    );
    let file = yilian.write("bundle.json", &dangling);
    let error = cause(&yilian.fails(&["validate", &file]));
    assert!(
        error.contains("Condition") && error.contains("encounter"),
        "{error}"
    );

    let whole = visit("I10");
    let file = yilian.write("bundle.json", &whole[..whole.len() / 2]);
    let error = cause(&yilian.fails(&["validate", &file]));
    assert!(
        error.contains("cut off") && error.contains("line"),
        "{error}"
    );
    let missing = yilian.file("none.json");
    assert!(cause(&yilian.fails(&["validate", &missing])).contains("none.json"));
}

#[test]
fn wrong_words_are_named_by_position_and_never_repeated() {
    let (yilian, _) = Yilian::with_people();
    let words = text(&yilian.ok(&["patient", "new", "bob"]), "words");
    let mut list: Vec<&str> = words.split(' ').collect();
    list[4] = "notaword";
    let file = yilian.write("words.txt", &list.join(" "));
    let error = yilian.fails(&["patient", "recover", "x", "--words", &file]);
    assert!(
        cause(&error).contains('5') && !cause(&error).contains("notaword"),
        "{error}"
    );
    let file = yilian.write("words.txt", &list[..23].join(" "));
    assert!(cause(&yilian.fails(&["patient", "recover", "x", "--words", &file])).contains("23"));
    // Eight bits of checksum: one swap in 256 is not noticed, three of three are not in 10^7.
    let noticed = (0..3).any(|place| {
        let mut swapped: Vec<&str> = words.split(' ').collect();
        swapped.swap(place, place + 1);
        let file = yilian.write("words.txt", &swapped.join(" "));
        let name = format!("x{place}");
        let recover = ["patient", "recover", &name, "--words", &file];
        !yilian.succeeds(&recover) && cause(&yilian.fails(&recover)).contains("checksum")
    });
    assert!(noticed);
    yilian.fails(&["patient", "list", "x"]);
}

#[test]
fn rules_are_named_and_nothing_changes() {
    let (yilian, [first, second]) = Yilian::with_people();
    let records = yilian.seal("Dr First", "North", "I10");
    let objects = yilian.ok(&["status"])["objects"].as_u64();

    // Unknown member, unknown person, unknown wallet.
    let token = yilian.fresh("token.json");
    let to_nowhere = [
        "patient",
        "check-in",
        "ann",
        "--hospital",
        "West",
        "--out",
        &token,
    ];
    assert!(cause(&yilian.fails(&to_nowhere)).contains("West"));
    yilian.fails(&["doctor", "open", "Dr Nobody", &token]);
    assert_eq!(yilian.ok(&["status"])["objects"].as_u64(), objects);

    // A token for one hospital is no good at another.
    let token = yilian.token("ann", "North", &[]);
    let bundle = yilian.write("visit.json", &visit("I10"));
    let of_visit = ["--token", &token, "--bundle", &bundle, "--accept", "again"];
    let seal = |doctor: &'static str| [&["doctor", "seal", doctor], &of_visit[..]].concat();
    assert!(cause(&yilian.fails(&seal("Dr Second"))).contains("hospital"));

    // A foreign record cannot be opened, shared or granted.
    yilian.ok(&["patient", "new", "eve"]);
    let error = yilian.fails(&["patient", "open", "eve", &records[0]]);
    assert!(
        cause(&error).contains("no visit of this patient"),
        "{error}"
    );

    // A certificate that is over, then one that is revoked.
    let past = ["--from", "2020-01-01T00:00:00Z", "--days", "10"];
    let certify = [&["ca", "certify", "North", "Dr Past"], &past[..]].concat();
    assert_eq!(yilian.refused(&certify), "certificate-expired");
    yilian.ok(&["ca", "revoke", &first, "--reason", "left"]);
    assert_eq!(
        yilian.refused(&["ca", "revoke", &first, "--reason", "again"]),
        "certificate-revoked"
    );
    assert_eq!(yilian.refused(&seal("Dr First")), "certificate-revoked");
    assert_eq!(yilian.ok(&["status"])["objects"].as_u64(), objects);

    // What was signed before the revocation still stands.
    yilian.ok(&["patient", "open", "ann", &records[0]]);
    assert_eq!(second.len(), 64);
}

#[test]
fn http_bodies_are_bounded_and_refused_in_json() {
    let (yilian, _) = Yilian::with_people();
    let served = yilian.serve();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let client = reqwest::Client::new();
        let post = |path: &str, body: Vec<u8>| {
            client
                .post(format!("{}/v1/{path}", served.url))
                .body(body)
                .send()
        };
        for (path, size) in [("transactions", 520 * 1024), ("asks", 300 * 1024)] {
            let answer = post(path, vec![0; size]).await.unwrap();
            assert_eq!(answer.status(), 413);
        }
        let answer = post("transactions", vec![0; 520 * 1024]).await.unwrap();
        assert!(answer.text().await.unwrap().contains("too-large"));
        let answer = post("transactions", vec![7; 300]).await.unwrap();
        assert_eq!(answer.status(), 400);
        assert!(answer.text().await.unwrap().contains("invalid"));
        let answer = post("asks", Vec::new()).await.unwrap();
        assert_eq!(answer.status(), 400);
        for path in ["v1/records/zz/object", "v1/receipts/00"] {
            let answer = client
                .get(format!("{}/{path}", served.url))
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 400, "{path}");
        }
        let answer = client
            .get(format!("{}/v1/nothing", served.url))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 404);

        // Every route that the description names is there.
        let document = client
            .get(format!("{}/openapi.json", served.url))
            .send()
            .await
            .unwrap();
        let document: serde_json::Value =
            serde_json::from_str(&document.text().await.unwrap()).unwrap();
        for (path, methods) in document["paths"].as_object().unwrap() {
            let filled = path
                .replace("{id}", &"0".repeat(64))
                .replace("{height}", "0");
            let url = format!("{}{}", served.url, filled.replace("{nym}", &"0".repeat(96)));
            for method in methods.as_object().unwrap().keys() {
                let request = if method == "get" {
                    client.get(&url)
                } else {
                    client.post(&url)
                };
                let text = request.send().await.unwrap().text().await.unwrap();
                assert!(
                    !text.contains("\"what\":\"route\""),
                    "{method} {path}: {text}"
                );
            }
        }
    });
}

#[test]
fn a_home_whose_node_another_process_has_is_told_what_to_do() {
    let (yilian, [first, _]) = Yilian::with_people();
    let served = yilian.serve();
    // As when two commands begin at the same time: neither finds a node that serves.
    std::fs::remove_file(yilian.path("home/node.url")).unwrap();
    let error = yilian.fails(&["status"]);
    let remedy = error["remedy"].to_string();
    assert!(remedy.contains("yilian serve"), "{error}");
    drop(served);
    // More days than a grant can have are told before anybody is asked.
    for ask in [
        &["doctor", "request", "Dr First", "--token", "none.json"][..],
        &["patient", "grant", "ann", "--reader", &first, "--mail"],
    ] {
        let output = yilian.run(&[ask, &["--days", "731"]].concat());
        assert_eq!(output.status.code(), Some(2), "{ask:?}");
    }
}
