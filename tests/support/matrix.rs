//! A fake Matrix homeserver: the part of the client-server API that operations use.
//!
//! It is written from the Matrix specification, and from no client. Where the specification leaves a
//! case open, it does what makes a careless client fail, and a comment says so. The sections that the
//! facts are from, all below `https://spec.matrix.org/latest/client-server-api/`:
//!
//! - `#standard-error-response`: `{"errcode": …, "error": …}`, and `M_UNRECOGNIZED`
//! - `#using-access-tokens`: `Authorization: Bearer`; 401 `M_MISSING_TOKEN` and `M_UNKNOWN_TOKEN`
//! - `#transaction-identifiers`: one transaction for each token and path
//! - `#rate-limiting`: 429 `M_LIMIT_EXCEEDED`, `Retry-After`
//! - `#size-limits`: 65,536 bytes for an event
//! - `#get_matrixclientv3accountwhoami`, `#get_matrixclientv3directoryroomroomalias`
//! - `#put_matrixclientv3roomsroomidsendeventtypetxnid`, `…redacteventidtxnid`
//! - `#get_matrixclientv3roomsroomideventeventid`, `#get_matrixclientv1roomsroomidrelationseventid…`
//! - `#redactions`, `#event-replacements`, `#event-annotations-and-reactions`

mod control;
mod errors;
mod events;
mod handle;
mod homeserver;
mod router;

pub use handle::{Builder, Matrix};

/// The account that may use the API.
pub const USER: &str = "@bot:fake.example";
/// Its access token.
pub const TOKEN: &str = "fake-matrix-token";
/// The alias of the room that the account is in.
pub const LOBBY: &str = "#lobby:fake.example";
/// The alias of a room that it is not in.
pub const VAULT: &str = "#vault:fake.example";
