use super::*;

fn texts(resource: &str) -> Vec<String> {
    let resource = Resource::parse(resource.as_bytes()).unwrap();
    keywords([&resource]).texts().collect()
}

fn sought(text: &str) -> Vec<String> {
    query(text).iter().map(Keyword::to_text).collect()
}

/// Whether a query finds a record that says `text`.
fn finds(query_text: &str, text: &str) -> bool {
    let has = words(text);
    let sought = query(query_text);
    !sought.is_empty() && sought.iter().all(|keyword| has.contains(keyword))
}

#[test]
fn codes_and_the_words_of_their_displays() {
    let found = texts(
        r#"{"resourceType":"Condition","subject":{"display":"Jane Quirke"},"note":[{"text":"secret"}],
        "identifier":[{"system":"urn:x","value":"007"}],
        "code":{"text":"２型 糖尿病","coding":[{"system":"http://snomed.info/sct","code":"44054006","display":"Diabetes mellitus type 2 (disorder)"}]}}"#,
    );
    assert_eq!(
        found,
        [
            "code:44054006",
            "word:2型",
            "word:2型糖尿病",
            "word:mellitus",
            "word:type",
            "word:type2",
            "word:型糖",
            "word:尿病",
            "word:糖尿",
            "word:糖尿病",
        ]
    );
}

#[test]
fn people_give_none() {
    let patient = r#"{"resourceType":"Patient","name":[{"family":"Quirke"}],"maritalStatus":
        {"coding":[{"system":"http://x","code":"M","display":"Married"}]}}"#;
    assert_eq!(texts(patient), Vec::<String>::new());
    let contained = r#"{"resourceType":"Condition","code":{"text":"asthma"},"contained":[
        {"resourceType":"Practitioner","qualification":[{"code":{"text":"Surgeon"}}]}]}"#;
    assert_eq!(texts(contained), ["word:哮喘"]);
}

#[test]
fn free_text_gives_none_and_concepts_do() {
    let medication = r#"{"resourceType":"MedicationRequest","note":[{"text":"for Ann"}],
        "dosageInstruction":[{"text":"twice"}],"requester":{"display":"Dr Quirke"},
        "medicationReference":{"reference":"Medication/m","display":"Lasix"}}"#;
    assert_eq!(texts(medication), ["word:利尿剂", "word:呋塞米"]);
    let dose = r#"{"resourceType":"MedicationRequest","dosageInstruction":[
        {"text":"once","route":{"text":"oral"}}]}"#;
    assert_eq!(texts(dose), ["word:oral"]);
    let status = r#"{"resourceType":"Observation","code":{"coding":[{"display":"Zinc"}]},"category":[{"coding":[{
        "system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory","display":"Laboratory"}]}],
        "valueQuantity":{"value":3,"unit":"mg","system":"http://unitsofmeasure.org","code":"mg"}}"#;
    assert_eq!(texts(status), ["word:zinc"]);
}

#[test]
fn what_is_sought_is_folded_as_what_is_stored() {
    for forms in [
        &["ＤＩＡＢＥＴＥＳ", "diabetes", "糖尿病", "diabetic", "DM"][..],
        &[
            "HbA1c",
            "ＨｂＡ１ｃ",
            "hba1c",
            "HbA-1c",
            "糖化血红蛋白",
            "A1C",
        ],
        &[
            "COVID-19",
            "COVID19",
            "covid 19",
            "COVID–19",
            "新冠",
            "SARS-CoV-2",
        ],
        &["5-FU", "5FU", "5 FU", "氟尿嘧啶"],
        &["CA19-9", "CA 19-9", "CA199", "ca 19‑9"],
        &["CD4", "CD-4", "cd 4"],
        &["Zinc 65", "zinc-65"],
        &["B12", "vitamin B12", "Vitamin B-12", "vitamin b 12"],
        &[
            "Crohn's disease",
            "Crohn’s disease",
            "Crohn disease",
            "crohns",
        ],
        &["Sjögren", "SJOGREN"],
        &[
            "α-fetoprotein",
            "alpha-fetoprotein",
            "Alpha fetoprotein",
            "AFP",
        ],
        &["TNF-α", "TNF alpha", "TNFα"],
        &["Köhler’s sign", "Kohler's sign", "kohlers sign"],
        &["高血壓", "高血压", "hypertension", "HTN"],
        &["type II foo", "Type 2 foo", "TYPE Ⅱ foo"],
        &["anaemia", "anemia", "Anaemias"],
        &["gizmo fractures", "Gizmo fracture"],
        &["X-ray", "xray", "X ray", "X线"],
    ] {
        for one in forms {
            for other in forms {
                assert!(
                    finds(one, other),
                    "{one} in {other}: {:?} {:?}",
                    sought(one),
                    words(other)
                );
            }
        }
    }
    let long = "x".repeat(WORD_MAX + 9);
    assert!(finds(&long, &long));
    assert!(words("of the").is_empty());
}

#[test]
fn letters_and_numbers_tell_kinds_apart() {
    for (query, text) in [
        ("hepatitis B", "Hepatitis C"),
        ("type 1 diabetes", "Diabetes mellitus type 2"),
        ("factor 8 assay", "Factor IX assay"),
        ("group B streptococcus", "Group A streptococcus"),
        ("1型糖尿病", "2型糖尿病"),
        ("维生素D", "维生素C"),
        ("CD8", "CD4"),
        ("高血压", "高血糖，低血压"),
        ("肺癌", "肺部感染，胃癌"),
    ] {
        assert!(!finds(query, text), "{query} in {text}");
        assert!(finds(query, query), "{query}");
    }
}

#[test]
fn amounts_are_no_words() {
    let found = words("Amoxicillin 250 MG / Foobarin 62.5MG Oral Tablet, 0.4 ML, 24 HR");
    let texts: Vec<String> = found.iter().map(Keyword::to_text).collect();
    assert_eq!(
        texts,
        ["word:foobarin", "word:oral", "word:tablet", "word:阿莫西林"]
    );
}

#[test]
fn any_piece_of_chinese_is_found() {
    let text = "原发性肺动脉高压伴右心衰竭";
    let characters: Vec<char> = text.chars().collect();
    for from in 0..characters.len() {
        for to in from + 2..=characters.len() {
            let piece: String = characters[from..to].iter().collect();
            let sought = query(&piece);
            assert!(
                sought.iter().all(|keyword| words(text).contains(keyword)),
                "{piece}: {sought:?}"
            );
        }
    }
}

#[test]
fn a_code_is_found_by_its_everyday_names_in_both_languages() {
    let found = texts(
        r#"{"resourceType":"Condition","code":{"coding":[
            {"system":"http://snomed.info/sct","code":"38341003","display":"Hyp. disease"}]}}"#,
    );
    for text in [
        "高血压",
        "Hypertension",
        "38341003",
        "http://snomed.info/sct|38341003",
        "HTN",
    ] {
        for keyword in query(text) {
            assert!(found.contains(&keyword.to_text()), "{text}: {found:?}");
        }
    }
}

#[test]
fn codes_are_found_as_they_are_typed() {
    let of = |system: &str, code: &str| {
        let found = texts(&format!(
            r#"{{"resourceType":"Condition","code":{{"coding":[{{{system}"code":"{code}"}}]}}}}"#
        ));
        move |query_text: &str| {
            let sought = query(query_text);
            !sought.is_empty()
                && sought
                    .iter()
                    .all(|keyword| found.contains(&keyword.to_text()))
        }
    };
    let chinese = of(
        r#""system":"http://hl7.org/fhir/sid/icd-10-cn","#,
        "U07.100x001",
    );
    for query in [
        "U07.100x001",
        "u07100x001",
        "U07.1",
        "U071",
        "U07",
        "Ｕ０７．１",
    ] {
        assert!(chinese(query), "{query}");
    }
    assert!(!chinese("U08") && !chinese("U07.2"));
    for (system, code) in [
        ("", "K35.80"),
        (r#""system":"http://loinc.org","#, "4548-4"),
        (r#""system":"http://hl7.org/fhir/sid/cvx","#, "08"),
        (r#""system":"http://hl7.org/fhir/sid/icd-9-cm","#, "250.00"),
        (r#""system":"http://www.whocc.no/atc","#, "C10AA05"),
        (r#""system":"urn:ours","#, "XZ-77"),
        (r#""system":"urn:ours","#, "glu"),
    ] {
        assert!(of(system, code)(code), "{code}");
        assert!(!of(system, code)("99999"), "{code}");
    }
}

#[test]
fn diagnoses_are_kept_before_measurements_and_what_is_left_out_is_counted() {
    let condition = Resource::parse(
        br#"{"resourceType":"Condition","code":{"coding":[{"system":"http://snomed.info/sct","code":"77","display":"zebra"}]}}"#,
    )
    .unwrap();
    let observations: Vec<Resource> = (0..1_000)
        .map(|number| {
            let json = format!(
                r#"{{"resourceType":"Observation","code":{{"coding":[{{"system":"http://loinc.org","code":"{number}-1"}}]}}}}"#
            );
            Resource::parse(json.as_bytes()).unwrap()
        })
        .collect();
    let found = keywords(observations.iter().chain([&condition]));
    assert_eq!(found.kept[0], Keyword::Code("77".to_owned()));
    assert_eq!(found.kept[1], Keyword::Word("zebra".to_owned()));
    assert_eq!(found.left_out.diagnoses, 0);
    assert_eq!(usize::from(found.left_out.rest) + found.kept.len(), 1_002);
    let texts: BTreeSet<String> = found.texts().collect();
    assert!(texts.len() <= KEYWORDS_MAX, "{}", texts.len());
    assert_eq!(LeftOut::read(|mark| texts.contains(mark)), found.left_out);

    let fits = keywords(observations.iter().take(KEYWORDS_MAX));
    assert_eq!(fits.kept.len(), KEYWORDS_MAX);
    assert_eq!(fits.left_out, LeftOut::default());
}

#[test]
fn a_query_is_several_words_or_codes() {
    assert_eq!(
        sought("I10  Acute bronchitis 4548-4"),
        ["code:4548-4", "word:i10", "word:急性支气管炎"]
    );
    assert_eq!(query("  the of "), []);
    assert_eq!(query(""), []);
    assert_eq!(query("-"), []);
}
