//! What a Tidegate connector is written against.
//!
//! A plugin is a library crate, built for `wasm32-wasip2` into one `.wasm` file.
//! It implements a trait for each interface that it offers and names them in
//! [`export!`]. Every module here has the name of the interface of the contract
//! (`wit/`) that it stands for.
//!
//! | a plugin offers | trait | what the host calls |
//! |---|---|---|
//! | a kind of integration (always) | [`ChannelType`] | `describe`, `validate`, `migrate-settings` |
//! | a test of the connection | [`TransportCheck`] | `check` |
//! | records to import | [`Connector`] | `pull` |
//! | records to export | [`Exporter`] | `push` |
//! | calls | [`Operations`] | `invoke` |
//! | deliveries of webhooks | [`Webhook`] | `receive` |
//! | a say before a channel is enabled, disabled or deleted | [`Lifecycle`] | `may` |
//!
//! What a plugin must not do is short: it opens no sockets and no files, sees no
//! secret, waits for nothing and retries nothing. It asks its [`Transport`], and
//! the host does the rest. Nothing lives on between two calls but what the host
//! keeps: the cursor of a [`Page`] and the entries of [`state`].
//!
//! # A complete plugin
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use tidegate_sdk::{
//!     ChannelType, Connector, Envelope, Error, Facts, Page, PullRequest, Request, Settings,
//!     Transport, TransportCheck, json::Item, time,
//! };
//!
//! struct Bookshop;
//!
//! // Nothing to add to what the form of the manifest says of the settings.
//! impl ChannelType for Bookshop {}
//!
//! impl TransportCheck for Bookshop {
//!     fn check(transport: &dyn Transport, _settings: &Settings) -> Result<Facts, Error> {
//!         #[derive(Deserialize)]
//!         struct Shop {
//!             name: String,
//!         }
//!         let shop: Shop = transport.send(Request::get("/shop"))?.success()?.json()?;
//!         Ok(Facts::new().with("shop", shop.name))
//!     }
//! }
//!
//! /// Where a page ended.
//! #[derive(Default, Serialize, Deserialize)]
//! struct Position {
//!     after: u64,
//! }
//!
//! impl Connector for Bookshop {
//!     fn pull(transport: &dyn Transport, request: &PullRequest) -> Result<Page, Error> {
//!         #[derive(Deserialize)]
//!         struct Book {
//!             id: u64,
//!             #[serde(default, deserialize_with = "time::as_ms")]
//!             changed: Option<u64>,
//!         }
//!         #[derive(Deserialize)]
//!         struct Rest {
//!             has_more: bool,
//!         }
//!
//!         let mut position = request.cursor::<Position>()?.unwrap_or_default();
//!         let response = transport
//!             .send(Request::get("/books").query("after", position.after).query("limit", request.limit))?
//!             .success()?;
//!
//!         let mut page = Page::new();
//!         let rest: Rest = response.each("books", |item: Item<'_, Book>| match item.fields {
//!             // The bytes of the book, untouched, are the payload.
//!             Ok(book) => {
//!                 position.after = book.id;
//!                 page.push(Envelope::new(book.id, item.raw).updated_ms(book.changed));
//!             }
//!             // One bad book goes to quarantine, the others go on.
//!             Err(error) => page.reject(format!("after {}", position.after), error, item.raw),
//!         })?;
//!         page.more = rest.has_more;
//!         page.next(&position)?;
//!         Ok(page)
//!     }
//! }
//!
//! tidegate_sdk::export! {
//!     Bookshop,
//!     // In a crate of its own: `include_bytes!("../manifest.json")`.
//!     manifest: br#"{
//!         "manifest": 1, "id": "bookshop", "version": "0.1.0",
//!         "channel-types": [{
//!             "id": "bookshop", "label": "Bookshop",
//!             "transports": [{
//!                 "id": "rest", "label": "REST API", "base-url": ["{url}"],
//!                 "form": [{ "name": "url", "label": "Address", "kind": "url", "required": true }]
//!             }],
//!             "connectors": [{ "id": "book", "label": "Books", "entity": "book" }]
//!         }]
//!     }"#,
//!     interfaces: [TransportCheck, Connector],
//! }
//!
//! // The same code runs natively against scripted answers: no sandbox, no network.
//! use tidegate_sdk::testing::{Script, pull_request};
//! let shop = Script::new().on(
//!     "GET /books?after=0&limit=100",
//!     200,
//!     r#"{"books": [{"id": 7, "changed": "2026-01-31T12:00:00Z"}], "has_more": false}"#,
//! );
//! let page = Bookshop::pull(&shop, &pull_request("book")).unwrap();
//! assert_eq!(page.records[0].key, "7");
//! assert_eq!(page.records[0].payload, br#"{"id": 7, "changed": "2026-01-31T12:00:00Z"}"#);
//! ```

#[doc(hidden)]
pub mod bindings;
pub mod channel_type;
pub mod connector;
pub mod exporter;
pub mod http;
pub mod json;
pub mod lifecycle;
pub mod log;
pub mod operations;
pub mod run;
pub mod settings;
pub mod state;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
pub mod time;
pub mod transport_check;
pub mod types;
pub mod webhook;

mod export;

pub use channel_type::ChannelType;
pub use connector::{Connector, Page, PullRequest, Reject};
pub use export::Plugin;
pub use exporter::Exporter;
pub use http::{Method, Request, Response, Transport};
pub use json::{Json, RawValue};
pub use lifecycle::Lifecycle;
pub use operations::Operations;
pub use settings::Settings;
pub use transport_check::{Facts, TransportCheck};
pub use types::{Class, Due, Envelope, Error, FieldError};
pub use webhook::Webhook;

/// What [`export!`] expands to needs these; nobody else does.
#[doc(hidden)]
pub mod __private {
    pub use crate::export::{Exported, array};
}
