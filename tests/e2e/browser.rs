//! A browser without a person, for what is done in one.

use tokio::runtime::Runtime;

/// A browser without a person: it goes where it is sent, one step at a time.
pub(crate) struct Browser {
    http: reqwest::Client,
    run_time: Runtime,
}

/// A page that it saw, or where it was sent.
pub(crate) struct Seen {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) policy: String,
    pub(crate) referrer: String,
    pub(crate) text: String,
}

impl Browser {
    pub(crate) fn new() -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let run_time =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a run time");
        let builder = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none());
        Self { http: builder.build().expect("a client"), run_time }
    }

    /// Goes there from a page of another site, as after a sign-in.
    pub(crate) fn open(&self, url: &str) -> Seen {
        self.run_time.block_on(async {
            let request = self
                .http
                .get(url)
                .header("sec-fetch-site", "cross-site")
                .header("sec-fetch-mode", "navigate");
            let answer = request.send().await.expect("an answer");
            let header = |name: &str| {
                answer
                    .headers()
                    .get(name)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or_default()
                    .to_owned()
            };
            let location = Some(header("location")).filter(|location| !location.is_empty());
            let (policy, referrer) = (header("content-security-policy"), header("referrer-policy"));
            Seen {
                status: answer.status().as_u16(),
                location,
                policy,
                referrer,
                text: answer.text().await.expect("a page"),
            }
        })
    }

    /// To the provider, where a person says yes or no, and back to the host.
    pub(crate) fn sign_in(&self, authorize_url: &str) -> (String, Seen) {
        let sent_back = self.open(authorize_url);
        let back = sent_back.location.unwrap_or_else(|| panic!("not sent back: {}", sent_back.text));
        let page = self.open(&back);
        (back, page)
    }
}
