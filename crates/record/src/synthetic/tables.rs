//! Names and cases of synthetic people. Invented, or the commonest of their language.

/// Hospitals, and whether their patients' records are in Chinese.
pub(super) const HOSPITALS: &[(&str, bool)] = &[
    ("青山市第一人民医院", true),
    ("临江中医院", true),
    ("Saint Aldhelm General Hospital", false),
    ("Harbourside Clinic", false),
];

pub(super) const FAMILY_CHINESE: &[&str] = &[
    "王", "李", "张", "刘", "陈", "杨", "黄", "赵", "吴", "周", "徐", "孙",
];
pub(super) const GIVEN_CHINESE: &[&str] = &[
    "伟", "芳", "秀英", "敏", "静", "磊", "洋", "艳", "勇", "军", "杰", "桂兰",
];
pub(super) const FAMILY_ENGLISH: &[&str] = &[
    "Ashworth", "Bell", "Carver", "Dunmore", "Ellery", "Fenwick", "Garrick", "Holloway",
];
pub(super) const GIVEN_ENGLISH: &[&str] = &[
    "Ada", "Bram", "Clara", "Dorian", "Edith", "Felix", "Grace", "Hugo",
];

/// A reason for a visit, and what is measured and prescribed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    pub icd: &'static str,
    pub english: &'static str,
    pub chinese: &'static str,
    /// LOINC code and display of a result between `low` and `high`.
    pub value_loinc: Option<(&'static str, &'static str)>,
    pub unit: &'static str,
    pub low: u64,
    pub high: u64,
    /// ATC code and name of a medicine.
    pub atc: Option<(&'static str, &'static str)>,
}

impl Case {
    pub const CHECK_UP: Self = Self {
        icd: "Z00.0",
        english: "General medical examination",
        chinese: "一般性医学检查",
        value_loinc: Some(("8867-4", "Heart rate")),
        unit: "/min",
        low: 55,
        high: 95,
        atc: None,
    };
}

pub(super) const CASES: &[Case] = &[
    Case::CHECK_UP,
    Case {
        icd: "I10",
        english: "Essential hypertension",
        chinese: "原发性高血压",
        value_loinc: Some(("8480-6", "Systolic blood pressure")),
        unit: "mm[Hg]",
        low: 125,
        high: 185,
        atc: Some(("C08CA01", "amlodipine")),
    },
    Case {
        icd: "E11.9",
        english: "Type 2 diabetes mellitus",
        chinese: "2型糖尿病",
        value_loinc: Some(("2339-0", "Glucose in blood")),
        unit: "mg/dL",
        low: 110,
        high: 320,
        atc: Some(("A10BA02", "metformin")),
    },
    Case {
        icd: "J20.9",
        english: "Acute bronchitis",
        chinese: "急性支气管炎",
        value_loinc: Some(("8310-5", "Body temperature")),
        unit: "Cel",
        low: 37,
        high: 40,
        atc: Some(("R05CB01", "acetylcysteine")),
    },
    Case {
        icd: "S52.5",
        english: "Fracture of lower end of radius",
        chinese: "桡骨远端骨折",
        value_loinc: None,
        unit: "",
        low: 0,
        high: 0,
        atc: Some(("N02BE01", "paracetamol")),
    },
    Case {
        icd: "F32.1",
        english: "Moderate depressive episode",
        chinese: "中度抑郁发作",
        value_loinc: Some(("44261-6", "PHQ-9 score")),
        unit: "{score}",
        low: 10,
        high: 19,
        atc: Some(("N06AB06", "sertraline")),
    },
    Case {
        icd: "B24",
        english: "HIV disease",
        chinese: "人类免疫缺陷病毒病",
        value_loinc: Some(("24467-3", "CD4 cells")),
        unit: "/uL",
        low: 150,
        high: 900,
        atc: Some(("J05AR13", "lamivudine, abacavir and dolutegravir")),
    },
    Case {
        icd: "F10.2",
        english: "Alcohol dependence syndrome",
        chinese: "酒精依赖综合征",
        value_loinc: Some(("75626-2", "AUDIT-C score")),
        unit: "{score}",
        low: 5,
        high: 12,
        atc: Some(("N07BB04", "naltrexone")),
    },
];
