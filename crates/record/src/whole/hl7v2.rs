//! One message of HL7 v2 in ER7 (2.5 and later, chapter 2): segments of fields, each separator as
//! MSH says. Files part segments by any line end, the standard by a carriage return.
//!
//! It is found by its coded fields ([`CODED`]). Segments about people give neither codes nor words.

use serde_json::json;

use super::{About, Concept, Fault, Read, quarter};
use crate::{label, media::without_mark};

/// Fields that are codes (CE, CWE), by segment and number.
const CODED: [(&str, usize, About); 15] = [
    ("DG1", 3, About::Diagnosis),
    ("PRB", 3, About::Diagnosis),
    ("AL1", 3, About::Diagnosis),
    ("IAM", 3, About::Diagnosis),
    ("PR1", 3, About::Act),
    ("RXA", 5, About::Act),
    ("RXE", 2, About::Act),
    ("RXO", 1, About::Act),
    ("RXD", 2, About::Act),
    ("RXG", 4, About::Act),
    ("OBR", 4, About::Act),
    ("OBX", 3, About::Rest),
    ("SPM", 4, About::Rest),
    ("OBR", 31, About::Rest),
    ("PV2", 3, About::Rest),
];

/// Segments about people.
const PEOPLE: [&str; 10] = [
    "PID", "PD1", "NK1", "GT1", "IN1", "IN2", "IN3", "MRG", "ROL", "STF",
];

/// Fields that are a confidentiality code (table 0177; of TXA table 0272).
const LABELS: [(&str, usize); 2] = [("ORC", 28), ("TXA", 18)];

pub(super) fn read(bytes: &[u8]) -> Result<Read, Fault> {
    let text = std::str::from_utf8(without_mark(bytes));
    let text = text.map_err(|_| Fault::whole("is not in UTF-8: have it exported so"))?;
    // The frame of MLLP.
    let text = text.trim_start().trim_start_matches('\u{b}');
    let text = text.trim_end_matches(['\r', '\n', '\u{1c}']);
    let lines = text.split(['\r', '\n']).filter(|line| !line.is_empty());
    let mut lines = lines.zip(1_u64..);
    let (header, _) = lines.next().unwrap_or_default();
    let signs = Signs::of(header)?;
    let mut message = Message::new(signs, header);
    message.header(header)?;
    for (line, number) in lines {
        message
            .segment(line)
            .map_err(|what| Fault { line: number, what })?;
    }
    Ok(message.read)
}

/// The separators of a message (2.5.4).
#[derive(Clone, Copy)]
struct Signs {
    field: char,
    component: char,
    repetition: char,
    escape: char,
    subcomponent: char,
}

impl Signs {
    fn of(header: &str) -> Result<Self, Fault> {
        if header.starts_with("BHS") || header.starts_with("FHS") {
            return Err(Fault::whole("is a batch: give each of its messages alone"));
        }
        let mut signs = header.strip_prefix("MSH").unwrap_or_default().chars();
        let mut next = || {
            let sign = signs.next().filter(char::is_ascii_punctuation);
            sign.ok_or(Fault {
                line: 1,
                what: "does not say its separators",
            })
        };
        Ok(Self {
            field: next()?,
            component: next()?,
            repetition: next()?,
            escape: next()?,
            subcomponent: next()?,
        })
    }
}

struct Message<'a> {
    signs: Signs,
    read: Read,
    /// Of the header, when nothing tells of the visit.
    header: Vec<&'a str>,
}

impl<'a> Message<'a> {
    fn new(signs: Signs, header: &'a str) -> Self {
        Self {
            signs,
            read: Read::default(),
            header: header.split(signs.field).collect(),
        }
    }

    /// MSH-7 time, MSH-9 type, MSH-10 control id, MSH-11 processing, MSH-12 version; MSH-1 is the
    /// separator itself, so that the place in the line is one less.
    fn header(&mut self, header: &str) -> Result<(), Fault> {
        let field = |number: usize| self.header.get(number - 1).copied().unwrap_or_default();
        let fault = |what| Err(Fault { line: 1, what });
        if header.chars().any(char::is_control) {
            return fault("has a control character");
        }
        if !field(9).starts_with(|sign: char| sign.is_ascii_uppercase()) {
            return fault("does not say its message type (MSH-9)");
        }
        if field(10).is_empty() {
            return fault("has no control id (MSH-10)");
        }
        if !field(12).starts_with("2.") {
            return fault("is not of a version 2 (MSH-12)");
        }
        self.read.quarter = quarter(field(7));
        Ok(())
    }

    fn segment(&mut self, line: &str) -> Result<(), &'static str> {
        if line.chars().any(|sign| sign.is_control() && sign != '\t') {
            return Err("has a control character");
        }
        let fields: Vec<&str> = line.split(self.signs.field).collect();
        let name = fields.first().copied().unwrap_or_default();
        let sound = name.len() == 3
            && name.starts_with(|sign: char| sign.is_ascii_uppercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
        if !sound {
            return Err("has a segment without a name");
        }
        if name == "MSH" {
            return Err("has a second message: give each alone");
        }
        let field = |number: usize| fields.get(number).copied().unwrap_or_default();
        if name == "PV1"
            && let Some(admitted) = quarter(field(44))
        {
            self.read.quarter = Some(admitted);
        }
        for (_, number, about) in CODED.iter().filter(|(coded, ..)| *coded == name) {
            self.concepts(field(*number), *about);
        }
        if name == "DG1" {
            let display = self.plain(field(4));
            self.read.add(Concept {
                about: About::Diagnosis,
                display,
                ..Concept::default()
            });
        }
        if name == "OBX" && ["CE", "CWE", "CNE", "CF"].contains(&field(2)) {
            self.concepts(field(5), About::Diagnosis);
        }
        self.labels(name, &fields);
        Ok(())
    }

    /// Labels, and words of whatever is not about people.
    fn labels(&mut self, name: &str, fields: &[&str]) {
        for (_, number) in LABELS.iter().filter(|(segment, _)| *segment == name) {
            let said = fields.get(*number).copied().unwrap_or_default();
            let code = said.split(self.signs.component).next().unwrap_or_default();
            let label = json!({ "meta": { "security": [{ "code": code }] } });
            self.read.sensitive |= label::is_sensitive(&label);
        }
        if !self.read.sensitive && !PEOPLE.contains(&name) {
            let texts = fields.iter().skip(1);
            let pieces =
                texts.flat_map(|text| text.split([self.signs.component, self.signs.repetition]));
            let mut plain = pieces.map(|piece| self.plain(piece));
            let sensitive = plain.any(|text| label::text_is_sensitive(&text));
            self.read.sensitive = sensitive;
        }
    }

    /// Each repetition has a code, its text and its system, and may have them again of another.
    fn concepts(&mut self, field: &str, about: About) {
        for one in field.split(self.signs.repetition) {
            let parts: Vec<String> = one
                .split(self.signs.component)
                .map(|part| self.plain(part))
                .collect();
            for coded in parts.chunks(3).take(2) {
                let part = |place: usize| coded.get(place).cloned().unwrap_or_default();
                self.read.add(Concept {
                    about,
                    code: part(0),
                    display: part(1),
                    system: part(2),
                });
            }
        }
    }

    /// The text with its escapes resolved (2.7): separators as themselves, all else as a blank.
    fn plain(&self, text: &str) -> String {
        let Signs {
            field,
            component,
            repetition,
            escape,
            subcomponent,
        } = self.signs;
        let mut plain = String::with_capacity(text.len());
        for (place, piece) in text.split(escape).enumerate() {
            match piece {
                _ if place % 2 == 0 => plain.push_str(piece),
                "F" => plain.push(field),
                "S" => plain.push(component),
                "T" => plain.push(subcomponent),
                "R" => plain.push(repetition),
                "E" => plain.push(escape),
                _ => plain.push(' '),
            }
        }
        plain.trim().to_owned()
    }
}
