//! Code systems as identities: one classification comes under many names, and what decides is which
//! it is.
//!
//! The names stand in `systems.tsv`, each with its source: canonical URLs of FHIR R4, OIDs of C-CDA
//! and of the Chinese WS/T documents, URLs of national editions, deprecated URLs, mnemonics.
//! Editions of one classification (ICD-10 of WHO, ICD-10-CM, -GM, -AM, the Chinese national
//! editions) are one [`Classification`]: they share categories. [`CodeSystem::url`] still tells the
//! editions apart.
//!
//! # Not promised
//! That a code exists, or is of the edition that it says. A name that is not in the table is no
//! error: see [`CodeSystem::of`].

use std::{collections::HashMap, sync::OnceLock};

/// A classification or terminology, whatever its edition and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Classification {
    /// WHO ICD-10 and its clinical modifications.
    Icd10,
    /// ICD-10-PCS, procedures.
    Icd10Pcs,
    /// ICD-9-CM, volumes 1 and 2, diagnoses.
    Icd9,
    /// ICD-9-CM, volume 3, and the Chinese operations after it.
    Icd9Procedure,
    /// ICD-11, linearisation for mortality and morbidity statistics.
    Icd11,
    /// SNOMED CT, any edition.
    Snomed,
    /// LOINC.
    Loinc,
    /// RxNorm.
    RxNorm,
    /// WHO ATC.
    Atc,
    /// CPT.
    Cpt,
    /// HCPCS level II.
    Hcpcs,
    /// Medicare's diagnosis-related groups.
    MsDrg,
    /// National Drug Code.
    Ndc,
    /// Vaccines administered.
    Cvx,
    /// HL7 v3 ActCode, with sensitivities and privacy laws.
    ActCode,
    /// HL7 v3 Confidentiality.
    Confidentiality,
    /// HL7 v2 table 0177, confidentiality.
    ConfidentialityV2,
    /// Any other code system of HL7: statuses, categories, roles.
    Hl7,
    /// Units of measure.
    Ucum,
    /// A code system that is known and of no classification here, such as CDC's race and ethnicity.
    Other,
}

impl Classification {
    /// The classification called so in the tables of this crate.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "icd-10" => Self::Icd10,
            "icd-10-pcs" => Self::Icd10Pcs,
            "icd-9" => Self::Icd9,
            "icd-9-procedure" => Self::Icd9Procedure,
            "icd-11" => Self::Icd11,
            "snomed" => Self::Snomed,
            "loinc" => Self::Loinc,
            "rxnorm" => Self::RxNorm,
            "atc" => Self::Atc,
            "cpt" => Self::Cpt,
            "hcpcs" => Self::Hcpcs,
            "ms-drg" => Self::MsDrg,
            "ndc" => Self::Ndc,
            "cvx" => Self::Cvx,
            "act-code" => Self::ActCode,
            "confidentiality" => Self::Confidentiality,
            "confidentiality-v2" => Self::ConfidentialityV2,
            "hl7" => Self::Hl7,
            "ucum" => Self::Ucum,
            "other" => Self::Other,
            _ => return None,
        })
    }

    /// Whether a longer code lies below the codes that it begins with.
    pub(crate) fn is_hierarchical(self) -> bool {
        matches!(
            self,
            Self::Icd10
                | Self::Icd10Pcs
                | Self::Icd9
                | Self::Icd9Procedure
                | Self::Icd11
                | Self::Atc
        )
    }
}

/// A code system by identity, with the URL of its edition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeSystem {
    classification: Classification,
    url: &'static str,
}

impl CodeSystem {
    /// The code system of `Coding.system`, in whatever form; `None` for one that the table does not
    /// know.
    #[must_use]
    pub fn of(system: &str) -> Option<Self> {
        let names = names();
        if let Some(found) = names.exact.get(system) {
            return Some(*found);
        }
        let bare = bare(system);
        let exact = names.exact.get(bare.as_str()).copied();
        exact.or_else(|| {
            let found = names.patterns.iter().find(|(glob, _)| matches(glob, &bare));
            found.map(|(_, system)| *system)
        })
    }

    /// Which classification it is.
    #[must_use]
    pub fn classification(self) -> Classification {
        self.classification
    }

    /// The URL of the edition, without a version.
    #[must_use]
    pub fn url(self) -> &'static str {
        self.url
    }
}

/// A code as it is compared: ICD, ATC, CPT and HCPCS in capitals without dots and marks (`F32.9`,
/// `f329` and `F32.9+` are one), others as they are. ICD-9-CM has two volumes under one URL; a dot
/// after two digits tells the third.
#[must_use]
pub fn fold(classification: Classification, code: &str) -> (Classification, String) {
    let code = code.trim();
    match classification {
        Classification::Snomed
        | Classification::Loinc
        | Classification::RxNorm
        | Classification::Ndc
        | Classification::Cvx
        | Classification::ActCode
        | Classification::Confidentiality
        | Classification::ConfidentialityV2
        | Classification::Hl7
        | Classification::Ucum
        | Classification::Other => (classification, code.to_owned()),
        _ => {
            let third = classification == Classification::Icd9
                && code.find('.') == Some(2)
                && code.bytes().take(2).all(|byte| byte.is_ascii_digit());
            let plain = code.chars().filter(char::is_ascii_alphanumeric);
            let plain = plain.map(|c| c.to_ascii_uppercase()).collect();
            let classification = if third {
                Classification::Icd9Procedure
            } else {
                classification
            };
            (classification, plain)
        }
    }
}

/// A name without what does not tell systems apart.
fn bare(system: &str) -> String {
    let lower = system.trim().to_ascii_lowercase();
    let unversioned = lower.split('|').next().unwrap_or_default();
    let schemes = ["http://", "https://", "urn:oid:", "oid:"];
    let name = schemes
        .iter()
        .find_map(|scheme| unversioned.strip_prefix(scheme));
    let name = name.unwrap_or(unversioned);
    name.trim_end_matches(['/', '#']).to_owned()
}

/// Whether `name` is the pieces of `glob` with any text in place of each `*`.
fn matches(glob: &str, name: &str) -> bool {
    let (before, last) = glob.rsplit_once('*').unwrap_or(("", glob));
    let mut pieces = before.split('*');
    let first = pieces.next().unwrap_or_default();
    let mut rest = name.strip_prefix(first);
    for piece in pieces {
        rest = rest.and_then(|rest| Some(rest.split_once(piece)?.1));
    }
    rest.is_some_and(|rest| rest.ends_with(last))
}

struct Names {
    exact: HashMap<String, CodeSystem>,
    patterns: Vec<(&'static str, CodeSystem)>,
}

fn names() -> &'static Names {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(|| {
        let mut names = Names {
            exact: HashMap::new(),
            patterns: Vec::new(),
        };
        for line in rows(include_str!("systems.tsv")) {
            let [name, url, forms, _source] = line[..] else {
                continue;
            };
            let Some(classification) = Classification::named(name) else {
                continue;
            };
            let system = CodeSystem {
                classification,
                url,
            };
            // The usual spelling is found without folding; what came first stays.
            names.exact.entry(url.to_owned()).or_insert(system);
            names.exact.entry(bare(url)).or_insert(system);
            for form in forms.split(' ') {
                if form.contains('*') {
                    names.patterns.push((form, system));
                } else {
                    names.exact.entry(form.to_owned()).or_insert(system);
                }
            }
        }
        names
    })
}

/// The columns of each row of a table.
pub(crate) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    let lines = table.lines();
    let rows = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|row| row.split('\t').collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classification(system: &str) -> Option<Classification> {
        CodeSystem::of(system).map(CodeSystem::classification)
    }

    #[test]
    fn every_row_names_a_classification_and_a_source() {
        for row in rows(include_str!("systems.tsv")) {
            assert_eq!(row.len(), 4, "{row:?}");
            assert!(Classification::named(row[0]).is_some(), "{row:?}");
            assert!(
                ["r4", "tho", "cn", "seen", "known"].contains(&row[3]),
                "{row:?}"
            );
            for form in row[2].split(' ') {
                assert_eq!(form, bare(form), "a form stands folded");
            }
        }
    }

    #[test]
    fn a_system_is_the_same_in_all_its_forms() {
        let forms = [
            ("http://loinc.org", Classification::Loinc),
            ("https://loinc.org/", Classification::Loinc),
            ("urn:oid:2.16.840.1.113883.6.1", Classification::Loinc),
            ("URN:OID:2.16.840.1.113883.6.1", Classification::Loinc),
            ("2.16.840.1.113883.6.96", Classification::Snomed),
            (
                "http://snomed.info/sct|http://snomed.info/sct/731000124108",
                Classification::Snomed,
            ),
            (
                "http://snomed.info/sct/900000000000207008/version/20240101",
                Classification::Snomed,
            ),
            ("http://hl7.org/fhir/sid/icd-10-vn", Classification::Icd10),
            (
                "http://hl7.org/fhir/sid/icd-10-pcs",
                Classification::Icd10Pcs,
            ),
            ("urn:oid:2.16.156.10011.2.3.3.11.3", Classification::Icd10),
            (
                "urn:oid:2.16.156.10011.2.3.3.12",
                Classification::Icd9Procedure,
            ),
            (
                "http://id.who.int/icd/release/11/2024-01/mms",
                Classification::Icd11,
            ),
            (
                "http://id.who.int/icd/release/10/2019",
                Classification::Icd10,
            ),
            ("http://hl7.org/fhir/v3/ActCode", Classification::ActCode),
            (
                "http://hl7.org/fhir/v3/Confidentiality",
                Classification::Confidentiality,
            ),
            (
                "http://terminology.hl7.org/CodeSystem/condition-clinical",
                Classification::Hl7,
            ),
            ("http://hl7.org/fhir/sid/cvx", Classification::Cvx),
            ("ICD-10-CM", Classification::Icd10),
        ];
        for (form, expected) in forms {
            assert_eq!(classification(form), Some(expected), "{form}");
        }
        // A neighbour in the tree of OIDs or of URLs is another system.
        for other in [
            "urn:oid:2.16.840.1.113883.6.1.9",
            "http://snomed.info/sctx",
            "http://loinc.org.example",
            "",
        ] {
            assert_eq!(classification(other), None, "{other}");
        }
    }

    #[test]
    fn an_edition_keeps_its_url() {
        let url = |system| CodeSystem::of(system).unwrap().url();
        assert_eq!(
            url("urn:oid:2.16.840.1.113883.6.90"),
            "http://hl7.org/fhir/sid/icd-10-cm"
        );
        assert_eq!(
            url("http://hl7.org/fhir/sid/icd-10-nl"),
            "http://hl7.org/fhir/sid/icd-10"
        );
    }

    #[test]
    fn codes_are_compared_without_dots_and_marks() {
        let icd = |code| fold(Classification::Icd10, code).1;
        assert_eq!(icd("F32.9"), icd(" f329+ "));
        assert_eq!(
            fold(Classification::Icd9, "69.51"),
            (Classification::Icd9Procedure, "6951".to_owned())
        );
        assert_eq!(
            fold(Classification::Icd9, "303.90"),
            (Classification::Icd9, "30390".to_owned())
        );
        assert_eq!(fold(Classification::Loinc, "7917-8").1, "7917-8");
    }
}
