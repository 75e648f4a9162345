//! Who there is, and the code for a visit.

use rand::rng;
use serde::Serialize;
use tsify::{Ts, Tsify};
use wasm_bindgen::prelude::wasm_bindgen;
use yilian_client::{CheckIn, ClientError};

use super::PatientClient;
use crate::{
    device::{id, moment},
    people::PeopleView,
    shared::{json, told},
    trouble::Trouble,
};

/// The code for a visit.
#[derive(Debug, Clone, Serialize, Tsify)]
pub struct TokenView {
    /// The hospital.
    pub hospital: String,
    /// What is scanned: letters and digits, without the keys of the mailbox.
    pub code: String,
    /// The file that `yilian patient check-in` writes.
    pub file: String,
    /// When it is no longer good.
    pub expires: u64,
    /// Whether the visit stays outside every grant.
    pub private: bool,
}

#[wasm_bindgen]
impl PatientClient {
    /// Who there is.
    ///
    /// # Errors
    /// When the node does not answer, or its proofs do not verify.
    pub async fn people(&self, now: f64) -> Result<Ts<PeopleView>, Trouble> {
        told(&PeopleView::of(&self.session, moment(now)?).await?)
    }

    /// Makes the code for a visit to `hospital`. The visit is noted and kept before it is told.
    ///
    /// # Errors
    /// [`crate::trouble::Fault::NotKept`] when it cannot be kept.
    #[wasm_bindgen(js_name = checkIn)]
    pub async fn check_in(
        &self,
        hospital: String,
        private: bool,
        now: f64,
    ) -> Result<Ts<TokenView>, Trouble> {
        let hospital = id(&hospital)?;
        // A code for nobody would be a dead end at the counter.
        let entry = self.session.member(hospital).await?;
        entry.may_act().map_err(ClientError::from)?;
        let request = CheckIn {
            private,
            ..CheckIn::at(hospital, moment(now)?)
        };
        let change = self.change()?;
        let mut patient = self.patient()?;
        let token = patient.check_in(&self.session, request, &mut rng());
        let made = json(&token).map(|file| TokenView {
            hospital: hospital.to_string(),
            code: token.code(),
            file,
            expires: request.expires.get(),
            private,
        });
        told(&change.end(&patient, made).await?)
    }
}
