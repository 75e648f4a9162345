//! HL7 security labels: which of them make what they stand on sensitive.
//!
//! - v3 Confidentiality: R and V, and the retired codes that name a sensitivity or narrow the
//!   access. U, L, M and N do not raise anything; nothing lowers.
//! - v3 ActCode: every code below `_InformationSensitivityPolicy`, of acts, entities and roles, and
//!   the privacy laws and marks that forbid to tell.
//! - v2 table 0177.
//!
//! Sources: HL7's definition files for FHIR R4 (v3-ActCode and v3-Confidentiality of 2018-08-12,
//! v2-0177); the codes added since (PREGNANT, IDS, PATLOC, VIP, Title38Part1) as the value set
//! security-labels of R4B lists them.

use serde_json::Value;

use crate::terminology::{Classification, CodeSystem};

/// The value set InformationSensitivityPolicy as a tree: each code once, below what stands over it
/// with less indentation.
const SENSITIVITIES: &str = "
_InformationSensitivityPolicy
  _ActInformationSensitivityPolicy
    ETH
    GDIS
    HIV
    MST
    PREGNANT
    SCA
    SDV
    SEX
    SPI
      BH
        COGN
        DVD
        EMOTDIS
      MH
      PSY
      PSYTHPN
      SUD
        ETHUD
        OPIOIDUD
    STD
    TBOO
    VIO
    IDS
    SICKLE
  _EntitySensitivityPolicyType
    DEMO
    DOB
    GENDER
    LIVARG
    MARST
    PATLOC
    RACE
    REL
  _RoleInformationSensitivityPolicy
    B
    EMPL
    LOCIS
    SSP
  ADOL
  CEL
  VIP
  DIA
  DRGIS
  EMP
  PDS
  PHY
  PRS";

/// Laws of v3 ActPrivacyLaw and marks of SecurityPolicy that hold back what they stand on.
const LAWS: &[&str] = &[
    "42CFRPart2",
    "42CFRPart2CD",
    "HIPAAPsyNotes",
    "HIPAASelfPay",
    "Title38Section7332",
    "Title38Part1",
    "RestrictedConfidentialityMark",
    "NODSCLCDS",
    "NORDSCLCDS",
];

/// Retired codes of v3 Confidentiality besides R and V: by kind of access, by kind of information,
/// modifiers.
const RETIRED: &[&str] = &["B", "D", "I", "ETH", "HIV", "PSY", "SDV", "C", "S", "T"];

/// All of v2 table 0177 but U, usual control.
const TABLE_0177: &[&str] = &["V", "R", "EMP", "UWM", "VIP", "PSY", "AID", "HIV", "ETH"];

/// Whether a security label, a Coding, makes what it stands on sensitive. R, V and the
/// sensitivities count under any system, since senders mix the two of HL7 up; the other codes under
/// their own.
pub(super) fn raises(label: &Value) -> bool {
    let text = |name: &str| label.get(name).and_then(Value::as_str);
    let Some(code) = text("code").map(str::trim) else {
        return false;
    };
    let system = text("system").and_then(CodeSystem::of);
    let own = match system.map(CodeSystem::classification) {
        Some(Classification::Confidentiality) => RETIRED.contains(&code),
        Some(Classification::ConfidentialityV2) => TABLE_0177.contains(&code),
        _ => false,
    };
    own || restricts(code) || is_sensitivity(code)
}

/// Restricted or very restricted: a code of v3 Confidentiality, as `Composition.confidentiality`
/// holds it.
pub(super) fn restricts(code: &str) -> bool {
    matches!(code, "R" | "V")
}

/// Whether a code of v3 ActCode is a sensitivity, or a law or mark that holds back.
pub(super) fn is_sensitivity(code: &str) -> bool {
    let mut tree = SENSITIVITIES.lines().map(str::trim);
    LAWS.contains(&code) || (!code.is_empty() && tree.any(|listed| listed == code))
}

/// The codes above `code` in the value set, nearest first.
#[cfg(test)]
fn above(code: &str) -> Vec<&'static str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let lines: Vec<&str> = SENSITIVITIES.lines().collect();
    let Some(at) = lines.iter().position(|line| line.trim() == code) else {
        return Vec::new();
    };
    let mut wanted = depth(lines[at]);
    let mut found = Vec::new();
    for line in lines[..at].iter().rev().filter(|line| !line.is_empty()) {
        if depth(line) < wanted {
            wanted = depth(line);
            found.push(line.trim());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_hierarchy_is_hl7s() {
        assert_eq!(
            above("OPIOIDUD"),
            [
                "SUD",
                "SPI",
                "_ActInformationSensitivityPolicy",
                "_InformationSensitivityPolicy"
            ]
        );
        assert_eq!(above("COGN")[0], "BH");
        assert_eq!(above("GENDER")[0], "_EntitySensitivityPolicyType");
        for line in SENSITIVITIES.lines().filter(|line| !line.is_empty()) {
            let code = line.trim();
            assert!(
                raises(&json!({ "system": "http://hl7.org/fhir/v3/ActCode", "code": code })),
                "{code}"
            );
        }
    }

    #[test]
    fn labels_count_under_every_name_of_their_system() {
        let restricted = [
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "https://terminology.hl7.org/CodeSystem/v3-Confidentiality|3.0.0",
            "http://hl7.org/fhir/v3/Confidentiality",
            "urn:oid:2.16.840.1.113883.5.25",
            "2.16.840.1.113883.5.25",
            "http://terminology.hl7.org/CodeSystem/v2-0177",
            "http://example.org/labels",
            "",
        ];
        for system in restricted {
            assert!(
                raises(&json!({ "system": system, "code": "R" })),
                "{system}"
            );
            assert!(
                !raises(&json!({ "system": system, "code": "N" })),
                "{system}"
            );
        }
        assert!(raises(&json!({ "code": "V" })));
        let act = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
        assert!(raises(&json!({ "system": act, "code": "42CFRPart2" })));
        for code in ["PROCESSINLINELABEL", "AMB", "N", "", "DELAU"] {
            assert!(!raises(&json!({ "system": act, "code": code })), "{code}");
        }
    }

    #[test]
    fn a_label_under_the_wrong_system_counts() {
        let systems = [
            "http://terminology.hl7.org/CodeSystem/v3-ActCode",
            "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
            "http://terminology.hl7.org/CodeSystem/v2-0177",
            "http://terminology.hl7.org/CodeSystem/v3-ActReason",
            "http://loinc.org",
        ];
        for system in systems {
            for code in ["R", "V", "SUD", "42CFRPart2", "OPIOIDUD"] {
                let label = json!({ "system": system, "code": code });
                assert!(raises(&label), "{system} {code}");
            }
            for code in ["N", "U", "L", "M"] {
                let label = json!({ "system": system, "code": code });
                assert!(!raises(&label), "{system} {code}");
            }
        }
    }
}
