//! Patients who showed their code.

use serde::{Deserialize, Serialize};
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_protocol::{Cid, TimeMs, visit::VisitToken};

use super::{ClinicianClient, kept::VISITS};
use crate::{
    device::moment,
    shared::told,
    trouble::{Fault, Trouble},
};

/// Characters of what a patient is called, at most.
const LABEL_MAX: usize = 60;

/// A visit token, and what the clinician calls its patient.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeptVisit {
    pub(super) token: VisitToken,
    pub(super) label: String,
    pub(super) since: TimeMs,
    pub(super) expires: TimeMs,
    pub(super) private: bool,
}

/// Patients who showed their codes, the latest first.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct CheckedInsView {
    /// The visits.
    pub visits: Vec<CheckedInView>,
}

/// A patient who showed a code.
#[derive(Debug, Clone, Serialize, Tsify)]
#[serde(rename_all = "camelCase")]
pub struct CheckedInView {
    /// The visit, as this browser calls it.
    pub visit: String,
    /// What the clinician calls the patient; empty when nothing.
    pub label: String,
    /// When the code was shown.
    pub since: u64,
    /// When it is over: until then something can be written.
    pub expires: u64,
    /// Whether it says where letters for the patient go.
    pub mailbox: bool,
    /// Whether the visit stays outside every grant.
    pub private: bool,
}

#[wasm_bindgen]
impl ClinicianClient {
    /// Takes the code of a visit: what was scanned, or the text that a patient's page has for it.
    /// All that it claims is verified. The same code twice is one visit.
    ///
    /// # Errors
    /// [`Fault::NotAToken`], [`Fault::TokenExpired`], [`Fault::OtherHospital`].
    #[wasm_bindgen(js_name = checkIn)]
    pub async fn check_in(
        &self,
        text: String,
        label: String,
        now: f64,
    ) -> Result<Ts<CheckedInView>, Trouble> {
        let (opened, now) = (self.opened()?, moment(now)?);
        let token = token(&text)?;
        let checked = opened.doctor.check_in(&self.session, &token, now)?;
        // Without the keys of the mailbox, which one of two forms lacks.
        let id = Cid::of(token.code().as_bytes()).to_string();
        let name = format!("{VISITS}{id}");
        let before: Option<KeptVisit> = self.kept(&name).await?;
        let since = before.as_ref().map_or(now, |before| before.since);
        let label: String = label.trim().chars().take(LABEL_MAX).collect();
        let visit = KeptVisit {
            label: match before.as_ref() {
                Some(before) if label.is_empty() => before.label.clone(),
                _ => label,
            },
            token: match before {
                // A scan takes nothing away from what was pasted.
                Some(before) if self.has_mailbox(&before.token) => before.token,
                _ => token,
            },
            since,
            expires: checked.visit().expires,
            private: checked.visit().tag.is_some(),
        };
        self.keep(&name, &visit).await?;
        told(&self.visit_view(id, &visit))
    }

    /// Patients whose codes were taken, the latest first.
    ///
    /// # Errors
    /// When the browser does not let it look.
    pub async fn visits(&self) -> Result<Ts<CheckedInsView>, Trouble> {
        let mut visits: Vec<(String, KeptVisit)> = self.all(VISITS).await?;
        visits.sort_by_key(|(_, visit)| std::cmp::Reverse(visit.since));
        let views = visits.into_iter();
        let views = views.map(|(id, visit)| self.visit_view(id, &visit));
        told(&CheckedInsView {
            visits: views.collect(),
        })
    }
}

impl ClinicianClient {
    pub(super) async fn visit(&self, id: &str) -> Result<KeptVisit, Trouble> {
        let kept = self.kept(&format!("{VISITS}{id}")).await?;
        kept.ok_or_else(|| Trouble::invalid("there is no such visit"))
    }

    fn has_mailbox(&self, token: &VisitToken) -> bool {
        token.address(self.session.chain()).is_ok()
    }

    fn visit_view(&self, id: String, visit: &KeptVisit) -> CheckedInView {
        CheckedInView {
            visit: id,
            label: visit.label.clone(),
            since: visit.since.get(),
            expires: visit.expires.get(),
            mailbox: self.has_mailbox(&visit.token),
            private: visit.private,
        }
    }
}

/// What was scanned, or the file that a patient's page and `yilian patient check-in` write.
pub(super) fn token(text: &str) -> Result<VisitToken, Trouble> {
    let wrong = |error: &dyn std::fmt::Display| Trouble::new(Fault::NotAToken, error);
    let text = text.trim();
    match text.starts_with('{') {
        true => serde_json::from_str(text).map_err(|error| wrong(&error)),
        false => text.parse().map_err(|error| wrong(&error)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_code_of_a_visit_is_told_so() {
        for wrong in [
            "",
            "{}",
            "YLV1:",
            "YLV1:00",
            "8400000000000000",
            "{\"visit\":1}",
            "{",
        ] {
            assert_eq!(token(wrong).unwrap_err().fault, Fault::NotAToken, "{wrong}");
        }
    }
}
