//! The compulsory export: what this plugin offers.

use crate::{
    Error, FieldError, Json, Plugin, Settings,
    bindings::{channel_type as wit, types},
    export::Exported,
};

/// What a plugin says of its settings beyond the form. Pure: no transport, and
/// the answer within the limits of one step. `describe` comes from the manifest
/// that [`export!`](crate::export!) names.
pub trait ChannelType {
    /// Looks at settings that the host has checked against the form: what the form
    /// cannot say, such as two fields that exclude each other.
    ///
    /// # Errors
    /// What is wrong with which field.
    fn validate(channel_type: &str, settings: &Settings) -> Result<(), Vec<FieldError>> {
        let _ = (channel_type, settings);
        Ok(())
    }

    /// Turns settings that `version` of this plugin saved into settings for this one.
    /// Unless a plugin says otherwise they stay as they are.
    ///
    /// # Errors
    /// `config` where somebody has to fill in the form again.
    fn migrate_settings(channel_type: &str, version: &str, settings: Settings) -> Result<Json, Error> {
        let _ = (channel_type, version);
        Ok(Json::from_bytes(settings.as_bytes().to_vec()))
    }
}

impl<T: ChannelType + Plugin> wit::Guest for Exported<T> {
    fn describe() -> Vec<u8> {
        T::MANIFEST.to_vec()
    }

    fn validate(channel_type: String, settings: Vec<u8>) -> Result<(), Vec<types::FieldError>> {
        T::validate(&channel_type, &Settings::from_bytes(settings))
            .map_err(|errors| errors.into_iter().map(Into::into).collect())
    }

    fn migrate_settings(
        channel_type: String,
        version: String,
        settings: Vec<u8>,
    ) -> Result<Vec<u8>, types::Error> {
        Ok(T::migrate_settings(&channel_type, &version, Settings::from_bytes(settings))?.into_bytes())
    }
}
