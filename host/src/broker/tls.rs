//! Which certificates are trusted, and how TLS is spoken.
//!
//! The roots are read once for a host. Sessions are not shared: a gateway never
//! resumes what another one began.

use crate::model::{Class, Failure};
use rustls::{
    ClientConfig, RootCertStore,
    client::{Resumption, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, pem::PemObject},
};
use rustls_platform_verifier::Verifier;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};
use url::Url;

/// Sessions that a gateway keeps: a few for each of its few origins.
const SESSIONS: usize = 16;

/// The roots of one host.
pub(super) struct Tls {
    ca_file: Option<PathBuf>,
    verifier: OnceLock<Result<Arc<dyn ServerCertVerifier>, Failure>>,
}

impl Tls {
    /// Reads nothing yet.
    pub(super) fn new(ca_file: Option<PathBuf>) -> Self {
        Self { ca_file, verifier: OnceLock::new() }
    }

    /// Settings for a gateway that may speak TLS. Reads the roots the first time.
    pub(super) fn settings(&self) -> Result<ClientConfig, Failure> {
        let verifier = self.verifier.get_or_init(|| verifier(self.ca_file.as_deref())).clone()?;
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(format!("cannot set up TLS: {error}")))?;
        let settings = builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
        Ok(finished(settings))
    }

    /// Settings for a gateway with plain `http` origins only: nobody is trusted,
    /// so that a machine without roots can still use it.
    pub(super) fn nobody() -> Result<ClientConfig, Failure> {
        let builder = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(format!("cannot set up TLS: {error}")))?;
        Ok(finished(builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth()))
    }
}

/// TLS settings for a connection that the host makes for itself, to a collector say: the
/// roots are those of channels. Without `https` none are read.
///
/// # Errors
/// `config` where there are no certificates to trust.
pub fn trust(url: &Url, ca_file: Option<PathBuf>) -> Result<ClientConfig, Failure> {
    if url.scheme() == "https" { Tls::new(ca_file).settings() } else { Tls::nobody() }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn finished(mut settings: ClientConfig) -> ClientConfig {
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    settings.resumption = Resumption::in_memory_sessions(SESSIONS);
    settings
}

fn verifier(ca_file: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    let extra = ca_file.map(certificates).transpose()?.unwrap_or_default();
    let verifier = Verifier::new_with_extra_roots(extra, provider()).map_err(|error| {
        unusable(format!(
            "there are no certificates to trust ({error}): install the system's CA certificates, \
             or name a file of them as broker.ca-file"
        ))
    })?;
    Ok(Arc::new(verifier))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Failure> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err(unusable(format!("there is no certificate in {} (broker.ca-file)", file.display()))),
        Err(error) => Err(unusable(format!("cannot read {} (broker.ca-file): {error}", file.display()))),
    }
}

fn unusable(message: String) -> Failure {
    Failure::new(Class::Config, "broker.tls", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_that_holds_no_certificate_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
        std::fs::write(&empty, "nothing in here").expect("written");
        for file in [missing, empty] {
            let failure = Tls::new(Some(file.clone())).settings().expect_err("no certificate");
            assert_eq!((failure.class, failure.code.as_str()), (Class::Config, "broker.tls"));
            assert!(failure.message.contains(&file.display().to_string()), "{}", failure.message);
        }
    }

    #[test]
    fn gateway_without_https_needs_no_roots() {
        assert!(Tls::nobody().is_ok());
    }
}
